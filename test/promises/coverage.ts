const between = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

/** Each sentence of the policy, shortened, and the numbers of the promises that keep it. */
export const coverage: readonly (readonly [sentence: string, promises: readonly number[]])[] = [
  ['Last updated: February 13, 2026', [2]],
  ['including the web application and associated APIs', [4]],
  ['explains how we collect, use, disclose, and safeguard', [1, 8, 52]],
  ['we collect your name, email address, and organization details', [5, 6]],
  ['we process messages, phone numbers, and related metadata', [7, 8, 9, 10, 12]],
  ['used solely to provide CRM functionality', [11, 12, 33]],
  ['pages visited, features used, and timestamps', between(13, 17)],
  ['To provide and maintain the ChatFlow CRM service.', [18]],
  ['To process and route WhatsApp messages on your behalf.', [19]],
  ['To improve and personalize the user experience.', [20]],
  ['To communicate with you about service updates and support.', [21, 22]],
  ['To detect, prevent, and address technical issues or abuse.', [18, 23]],
  ['stored on secure, encrypted servers', [24, 30]],
  ['encrypted at rest using AES-256-GCM', between(25, 29)],
  ['industry-standard security measures', [12, 29, 31, 32]],
  ['We do not sell your personal data.', [33]],
  ['only as necessary to operate the service', [34, 35]],
  ['We may also disclose data if required by law.', [36]],
  ['We retain your data for as long as', [16, 37]],
  ['You may request deletion of your account', [3, 38]],
  ['within 30 days', between(38, 45)],
  ['Access the personal data we hold about you.', [46, 47]],
  ['Request correction of inaccurate data.', [6, 46, 48]],
  ['Request deletion of your data.', [...between(38, 46), 49]],
  ['Object to or restrict certain data processing.', [15, 46, 50]],
  ['Export your data in a portable format.', [46, 51]],
  ['please contact us at firstfashionstore0@gmail.com', [3]],
  ['← Back to ChatFlow CRM', [1]],
]
