import { crc32, deflateSync } from 'node:zlib'

/** A file as a customer's phone sends it. */
export type Sample = { bytes: Buffer; mime: string; name: string }

/** What the phone has to send, made when it is first asked for; each opens in the programs people have. */
export const SAMPLES = { image: photo, audio: voice, document: receipt } as const
export type SampleKind = keyof typeof SAMPLES

export const isSample = (kind: string): kind is SampleKind => Object.hasOwn(SAMPLES, kind)

const made = new Map<SampleKind, Sample>()

export function sampleOf(kind: SampleKind): Sample {
  const sample = made.get(kind) ?? SAMPLES[kind]()
  made.set(kind, sample)
  return sample
}

function photo(): Sample {
  return { bytes: picture(640, 480), mime: 'image/png', name: 'photo.png' }
}

/** A picture of a sky at dusk, width and height in pixels. Source: PNG, ISO/IEC 15948. */
export function picture(width: number, height: number): Buffer {
  const lines = Buffer.alloc(height * (1 + 3 * width))
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const [down, across] = [y / height, x / width]
      const at = y * (1 + 3 * width) + 1 + 3 * x
      lines[at] = 70 + 170 * down
      lines[at + 1] = 110 + 40 * down * across
      lines[at + 2] = 190 - 90 * down
    }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2], 8)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', head),
    pngChunk('IDAT', deflateSync(lines)),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  return Buffer.concat([u32be(data.length), body, u32be(crc32(body))])
}

function u32be(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(n)
  return bytes
}

const SAMPLES_A_PACKET = 960
/** Opus for twenty milliseconds without a sound. Source: RFC 6716, section 3. */
const SILENCE = Buffer.from('f8fffe', 'hex')

/** A voice note of three seconds in which nobody says anything. Source: RFC 7845, Ogg encapsulation of Opus. */
function voice(): Sample {
  const head = Buffer.from(
    'OpusHead\u0001\u0001\u0000\u0000\u0080\u00bb\u0000\u0000\u0000\u0000\u0000',
    'latin1',
  )
  const tags = Buffer.concat([Buffer.from('OpusTags'), u32le(8), Buffer.from('ChatFlow'), u32le(0)])
  const packets: Buffer[] = Array.from({ length: 150 }, () => SILENCE)
  const bytes = Buffer.concat([
    oggPage({ type: 2, samples: 0, n: 0 }, [head]),
    oggPage({ type: 0, samples: 0, n: 1 }, [tags]),
    oggPage({ type: 4, samples: 150 * SAMPLES_A_PACKET, n: 2 }, packets),
  ])
  return { bytes, mime: 'audio/ogg; codecs=opus', name: 'voice.ogg' }
}

function u32le(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(n)
  return bytes
}

/** One page; each packet is shorter than 255 bytes. Source: RFC 3533, section 6. */
function oggPage(
  { type, samples, n }: { type: number; samples: number; n: number },
  packets: Buffer[],
): Buffer {
  const head = Buffer.alloc(27)
  head.write('OggS')
  head[5] = type
  head.writeBigUInt64LE(BigInt(samples), 6)
  head.writeUInt32LE(1, 14)
  head.writeUInt32LE(n, 18)
  head[26] = packets.length
  const page = Buffer.concat([head, Buffer.from(packets.map(({ length }) => length)), ...packets])
  page.writeUInt32LE(oggSum(page), 22)
  return page
}

function oggSum(page: Buffer): number {
  let sum = 0
  for (const byte of page) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit += 1) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
  }
  return sum >>> 0
}

/** A page with one line on it. Source: PDF, ISO 32000-1, section 7.5. */
function receipt(): Sample {
  const text = 'BT /F1 24 Tf 72 720 Td (Receipt of the sandbox: paid in full) Tj ET'
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>',
    `<</Length ${text.length}>>stream\n${text}\nendstream`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ]
  let file = '%PDF-1.4\n'
  const places = objects.map((object, n) => {
    const at = file.length
    file += `${n + 1} 0 obj${object}endobj\n`
    return `${String(at).padStart(10, '0')} 00000 n \n`
  })
  const size = objects.length + 1
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${places.join('')}`
  const trailer = `trailer<</Size ${size}/Root 1 0 R>>\nstartxref\n${file.length}\n%%EOF\n`
  return {
    bytes: Buffer.from(file + table + trailer),
    mime: 'application/pdf',
    name: 'receipt.pdf',
  }
}
