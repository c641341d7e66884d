import type { Manifest } from './export.ts'

const OF = {
  org: 'everything of one organization',
  contact: 'everything of one contact',
  user: 'everything of one person with an account',
}

const AGAIN = {
  org: [
    'How to bring it back',
    'Make a new, empty organization and give its id and this ZIP, as it is, to',
    'whoever operates ChatFlow CRM. They run:',
    '',
    '  npm run --silent chatflow -- import FILE.zip --org ID',
    '',
    'Every file is checked against manifest.json before the first record is written.',
    'Contacts who were erased since stay out. Tokens and passwords are not in here:',
    'numbers are connected anew, and people are invited again.',
  ],
  contact: [
    'How to take it elsewhere',
    'Other programs read the files in data and csv as they are. Only the export of a',
    'whole organization can be brought back into ChatFlow CRM.',
  ],
}

/** What is what in the ZIP, for somebody who opens it without knowing the product. Lines of up to 80 letters. */
export const readMe = (about: Manifest): string =>
  [
    'Export from ChatFlow CRM',
    '',
    `This is ${OF[about.kind]},`,
    `as it was at ${about.created_at} (UTC).`,
    '',
    'What is what',
    '  index.html      To read: open it in a browser. It needs no network.',
    '  csv             A table for each kind of record, for spreadsheets.',
    '  data            The same for programs: one record a line, as JSON, exact.',
    '  media           Photos, voice and other files, named by their record in media.',
    '  manifest.json   What is in here, with the size and the SHA-256 of every file,',
    '                  what was left out and why, and what could not be read.',
    '',
    'How to read it',
    'Times are UTC. The ids in the records tell what belongs together: contact_id in',
    'conversations is the id of a record of contacts. In csv files, text that a',
    'spreadsheet would run as a formula begins with an apostrophe.',
    '',
    ...AGAIN[about.kind === 'org' ? 'org' : 'contact'],
    '',
    'Keep it as carefully as what it is of: whoever has this file can read all of it.',
    '',
  ].join('\r\n')
