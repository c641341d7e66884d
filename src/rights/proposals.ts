import type { Language } from './keywords.ts'
import type { Kind } from './vocabulary.ts'

type Proposals = { received: string; question: string; erase: string }

/** What the page proposes; nothing of it is sent before an admin approves it. */
const PROPOSALS: Readonly<Record<Language, Proposals>> = {
  en: {
    received:
      'We have received your request {number} and answer it by {due}. You can follow it here: {link}',
    question:
      'We have received your question {number} and answer it by {due}. You can follow it here: {link}\n\nYou may also send MY DATA, EXPORT MY DATA, CORRECT MY DATA, DELETE MY DATA or STOP.',
    erase:
      'We have received your request {number}. To delete everything we hold about you, answer with the code {code} within 10 minutes. This cannot be undone, and you get no further message. You can follow it here: {link}',
  },
  es: {
    received:
      'Hemos recibido su solicitud {number} y la responderemos a más tardar el {due}. Puede seguirla aquí: {link}',
    question:
      'Hemos recibido su pregunta {number} y la responderemos a más tardar el {due}. Puede seguirla aquí: {link}\n\nTambién puede enviar MIS DATOS, EXPORTAR MIS DATOS, CORREGIR MIS DATOS, BORRAR MIS DATOS o BAJA.',
    erase:
      'Hemos recibido su solicitud {number}. Para borrar todo lo que guardamos sobre usted, responda con el código {code} en los próximos 10 minutos. No se puede deshacer y no recibirá más mensajes. Puede seguirla aquí: {link}',
  },
  pt: {
    received: 'Recebemos o seu pedido {number} e responderemos até {due}. Acompanhe aqui: {link}',
    question:
      'Recebemos a sua pergunta {number} e responderemos até {due}. Acompanhe aqui: {link}\n\nVocê também pode enviar MEUS DADOS, EXPORTAR MEUS DADOS, CORRIGIR MEUS DADOS, APAGAR MEUS DADOS ou SAIR.',
    erase:
      'Recebemos o seu pedido {number}. Para apagar tudo o que guardamos sobre você, responda com o código {code} em até 10 minutos. Não há como desfazer, e não haverá outra mensagem. Acompanhe aqui: {link}',
  },
  de: {
    received:
      'Ihre Anfrage {number} ist bei uns angekommen. Wir beantworten sie bis {due}. Hier sehen Sie den Stand: {link}',
    question:
      'Ihre Frage {number} ist bei uns angekommen. Wir beantworten sie bis {due}. Hier sehen Sie den Stand: {link}\n\nSie können auch MEINE DATEN, MEINE DATEN EXPORTIEREN, MEINE DATEN BERICHTIGEN, MEINE DATEN LÖSCHEN oder STOPP senden.',
    erase:
      'Ihre Anfrage {number} ist bei uns angekommen. Um alles zu löschen, was wir über Sie gespeichert haben, antworten Sie innerhalb von 10 Minuten mit dem Code {code}. Das lässt sich nicht rückgängig machen, und Sie erhalten keine weitere Nachricht. Hier sehen Sie den Stand: {link}',
  },
  fr: {
    received:
      'Nous avons reçu votre demande {number} et y répondrons au plus tard le {due}. Vous pouvez la suivre ici : {link}',
    question:
      'Nous avons reçu votre question {number} et y répondrons au plus tard le {due}. Vous pouvez la suivre ici : {link}\n\nVous pouvez aussi envoyer MES DONNÉES, EXPORTER MES DONNÉES, CORRIGER MES DONNÉES, SUPPRIMER MES DONNÉES ou STOP.',
    erase:
      'Nous avons reçu votre demande {number}. Pour supprimer tout ce que nous conservons sur vous, répondez avec le code {code} dans les 10 minutes. C’est irréversible, et vous ne recevrez plus de message. Vous pouvez suivre la demande ici : {link}',
  },
  it: {
    received:
      'Abbiamo ricevuto la sua richiesta {number} e risponderemo entro il {due}. Può seguirla qui: {link}',
    question:
      'Abbiamo ricevuto la sua domanda {number} e risponderemo entro il {due}. Può seguirla qui: {link}\n\nPuò anche inviare I MIEI DATI, ESPORTA I MIEI DATI, CORREGGI I MIEI DATI, CANCELLA I MIEI DATI o STOP.',
    erase:
      'Abbiamo ricevuto la sua richiesta {number}. Per cancellare tutto ciò che conserviamo su di lei, risponda con il codice {code} entro 10 minuti. Non si può annullare e non riceverà altri messaggi. Può seguirla qui: {link}',
  },
}

export function proposalFor(kind: Kind, language: Language): string {
  const { received, question, erase } = PROPOSALS[language]
  const own: Partial<Record<Kind, string>> = { question, erase }
  return own[kind] ?? received
}
