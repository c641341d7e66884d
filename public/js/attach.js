import { afterSwaps, el, say } from './page.js'

/** The largest file WhatsApp takes, told before anything is uploaded. */
const MOST_FILE_BYTES = 104_857_600
let upload

/** A file is chosen, pasted or dropped; it is uploaded at once, and sent with the next press of Send. */
export function keepAttachments() {
  afterSwaps(() => el('pick-file')?.removeAttribute('hidden'))
  document.addEventListener('click', (event) => {
    if (event.target.closest('#pick-file')) el('file').click()
    if (event.target.closest('#attached-drop')) dropFile()
  })
  document.addEventListener('change', (event) => {
    if (event.target.id === 'file') takeFile(event.target.files)
  })
  document.addEventListener('paste', (event) => {
    if (event.target.id === 'text' && event.clipboardData.files.length > 0) {
      event.preventDefault()
      takeFile(event.clipboardData.files)
    }
  })
  document.addEventListener('dragover', (event) => {
    if (isFileOver(event)) event.preventDefault()
  })
  document.addEventListener('drop', (event) => {
    if (!isFileOver(event)) return
    event.preventDefault()
    takeFile(event.dataTransfer.files)
  })
}

const isFileOver = (event) =>
  event.target.closest?.('#thread, #compose') && event.dataTransfer?.types.includes('Files')

/** Whether a file waits to be sent, or is still on its way to the server. */
export const hasFile = () => (el('media')?.value ?? '') !== ''
export const isUploading = () => upload !== undefined

function takeFile(files) {
  if (files.length > 1) say('One file at a time: the first one was taken.')
  const [file] = files
  el('file').value = ''
  if (!file) return
  dropFile()
  showFile(file.name, '')
  if (file.size > MOST_FILE_BYTES) return refuseFile('WhatsApp takes files of at most 100 MB.')
  uploadFile(file)
}

function uploadFile(file) {
  const form = new FormData()
  form.append('file', file)
  upload = new XMLHttpRequest()
  upload.open('POST', '/media')
  upload.setRequestHeader('accept', 'application/json')
  upload.upload.addEventListener('progress', ({ loaded, total }) => {
    el('attached-progress').value = loaded / total
  })
  upload.addEventListener('load', () => finishUpload(upload))
  upload.addEventListener('error', () => refuseFile('The file did not arrive. Choose it again.'))
  el('attached-progress').hidden = false
  el('attached-progress').value = 0
  el('attached-state').textContent = 'Uploading…'
  upload.send(form)
}

function finishUpload({ status, responseText }) {
  upload = undefined
  const answer = JSON.parse(responseText || '{}')
  if (status !== 201) return refuseFile(answer.detail ?? 'The file was not taken. Try again.')
  el('media').value = answer.id
  el('media-kind').value = answer.kind
  el('attached-progress').hidden = true
  el('attached-state').textContent = `Goes as ${SENT_AS[answer.kind]}`
  el('text').focus()
}

const SENT_AS = {
  image: 'a photo',
  video: 'a video',
  audio: 'audio',
  document: 'a document',
  sticker: 'a sticker',
}

function refuseFile(sentence) {
  upload = undefined
  el('attached-progress').hidden = true
  el('attached-state').textContent = sentence
  el('media').value = ''
}

function showFile(name, state) {
  el('attached').hidden = false
  el('attached-name').textContent = name
  el('attached-state').textContent = state
}

/** Taken back before it was sent: the server forgets it too. */
function dropFile() {
  upload?.abort()
  upload = undefined
  const id = el('media').value
  if (id !== '') void fetch(`/media/${id}/removal`, { method: 'POST' })
  clearFile()
}

/** It was sent. */
export function clearFile() {
  el('media').value = ''
  el('media-kind').value = ''
  el('attached').hidden = true
}
