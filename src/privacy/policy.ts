/** A part of the policy as the page shows it. Together the parts hold every word of the text, in its order. */
export type Block =
  | { kind: 'title' | 'dateline' | 'heading' | 'subheading' | 'text'; words: string; mail?: string }
  | { kind: 'list'; items: string[] }
  | { kind: 'back'; words: string }

const BULLET = /^\s+• /
const MAIL = /[\w.]+@[\w.]+\.[a-z]+/

/** The parts of a policy text. Paragraphs are parted by empty lines; their shape says what they are. */
export function blocksOf(text: string): Block[] {
  return text.split(/\n\n+/).map((paragraph, index) => {
    const lines = paragraph.split('\n')
    if (lines.every((line) => BULLET.test(line)))
      return { kind: 'list', items: lines.map((line) => line.replace(BULLET, '')) }
    return index === 0 ? { kind: 'title', words: paragraph } : paragraphOf(paragraph)
  })
}

function paragraphOf(words: string): Block {
  if (words.startsWith('← ')) return { kind: 'back', words }
  if (words.startsWith('Last updated: ')) return { kind: 'dateline', words }
  if (/^\d+\. /.test(words)) return { kind: 'heading', words }
  if (!/[.:]$/.test(words)) return { kind: 'subheading', words }
  const [mail] = MAIL.exec(words) ?? []
  return { kind: 'text', words, ...(mail ? { mail } : {}) }
}
