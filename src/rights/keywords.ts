import { fold } from '../contacts/fold.ts'
import type { Kind } from './vocabulary.ts'

export const LANGUAGES = {
  en: 'English',
  es: 'Español',
  pt: 'Português',
  de: 'Deutsch',
  fr: 'Français',
  it: 'Italiano',
}
export type Language = keyof typeof LANGUAGES

/** `stop` is an objection to marketing, and no case: it is done when it is read. */
export type Ask = Exclude<Kind, 'object'> | 'stop'
export type Heard = { ask: Ask; language: Language }

type Words = Readonly<Record<Language, readonly string[]>>
const WORDS: Readonly<Record<Ask, Words>> = {
  question: {
    en: ['privacy'],
    es: ['privacidad'],
    pt: ['privacidade'],
    de: ['datenschutz'],
    fr: ['confidentialité'],
    it: ['riservatezza'],
  },
  access: {
    en: ['my data'],
    es: ['mis datos'],
    pt: ['meus dados', 'os meus dados'],
    de: ['meine daten'],
    fr: ['mes données'],
    it: ['i miei dati'],
  },
  export: {
    en: ['export my data'],
    es: ['exportar mis datos'],
    pt: ['exportar meus dados', 'exportar os meus dados'],
    de: ['meine daten exportieren'],
    fr: ['exporter mes données'],
    it: ['esporta i miei dati'],
  },
  correct: {
    en: ['correct my data'],
    es: ['corregir mis datos'],
    pt: ['corrigir meus dados', 'corrigir os meus dados'],
    de: ['meine daten berichtigen'],
    fr: ['corriger mes données'],
    it: ['correggi i miei dati'],
  },
  erase: {
    en: ['delete my data', 'erase my data'],
    es: ['borrar mis datos', 'eliminar mis datos'],
    pt: ['apagar meus dados', 'apagar os meus dados', 'excluir meus dados'],
    de: ['meine daten löschen', 'lösche meine daten'],
    fr: ['supprimer mes données', 'effacer mes données'],
    it: ['cancella i miei dati', 'elimina i miei dati'],
  },
  restrict: {
    en: ['restrict my data'],
    es: ['limitar mis datos'],
    pt: ['limitar meus dados', 'limitar os meus dados'],
    de: ['meine daten einschränken'],
    fr: ['limiter mes données'],
    it: ['limita i miei dati'],
  },
  stop: {
    en: ['stop', 'unsubscribe', 'stop marketing'],
    es: ['parar', 'baja', 'darme de baja'],
    pt: ['sair', 'descadastrar', 'parar de receber'],
    de: ['stopp', 'abmelden', 'keine werbung'],
    fr: ['arrêt', 'arrêter', 'désabonner'],
    it: ['basta', 'annulla iscrizione'],
  },
}

/** Words as they are compared: without case, accents, doubled spaces and what stands around them. */
const plain = (text: string): string => fold(text).replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')

const EXACT = new Map<string, Heard>(
  Object.entries(WORDS).flatMap(([ask, byLanguage]) =>
    Object.entries(byLanguage).flatMap(([language, words]) =>
      words.map((word) => [plain(word), { ask, language } as Heard] as const),
    ),
  ),
)
const LONGEST_EXACT = 60
/** Everything but the words to stop: those stand in half of all ordinary sentences. */
const MENTION = new RegExp(
  `(?<![\\p{L}\\p{N}])(${[...EXACT]
    .filter(([, { ask }]) => ask !== 'stop')
    .map(([word]) => word)
    .toSorted((a, b) => b.length - a.length)
    .join('|')})(?![\\p{L}\\p{N}])`,
  'u',
)
const LONGEST_MENTION = 4_096

/**
 * What a message asks for: the keyword when it is one and nothing else, in whatever case and spacing; a question when one
 * stands in a longer sentence, because somebody has to read what is meant; undefined for all other messages.
 * Source: promise P46, "the keyword inside a longer sentence opens a question at most".
 */
export function hear(text: string): Heard | undefined {
  if (text.length > LONGEST_MENTION) return undefined
  const words = plain(text)
  const exact = words.length <= LONGEST_EXACT ? EXACT.get(words) : undefined
  if (exact) return exact
  const [, mention = ''] = MENTION.exec(words) ?? []
  const language = EXACT.get(mention)?.language
  return language && { ask: 'question', language }
}

/** The six digits of a message that says nothing else. */
export const codeIn = (text: string): string | undefined => /^\s*(\d{6})\s*$/.exec(text)?.[1]

/** The keywords of a language, for the page on which an organization approves its answers. */
export const wordsOf = (ask: Ask, language: Language): readonly string[] => WORDS[ask][language]
