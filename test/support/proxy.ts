import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A door in front of a store, to be shut or to stand still. */
export type Proxy = {
  port: number
  /** Both ways stop, connections stay open: a host that hangs. */
  freeze(): void
  thaw(): void
  /** All connections are cut, and new ones end at once: a host that restarts. */
  shut(): void
  open(): void
  stop(): Promise<void>
}

/** Hands everything on to `host:port` until told otherwise; `hear` is given what goes there, byte by byte. */
export async function startProxy(
  to: { host: string; port: number },
  hear?: (bytes: Buffer) => void,
): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let frozen = false
  let isShut = false
  const server = createServer((near) => {
    if (isShut) {
      near.destroy()
      return
    }
    const far = connect(to.port, to.host)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
      if (frozen) socket.pause()
    }
    near.pipe(far)
    if (hear) near.on('data', hear)
    far.pipe(near)
    if (frozen) for (const socket of [near, far]) socket.pause()
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      frozen = true
      for (const socket of sockets) socket.pause()
    },
    thaw() {
      frozen = false
      for (const socket of sockets) socket.resume()
    },
    shut() {
      isShut = true
      for (const socket of sockets) socket.destroy()
    },
    open() {
      isShut = false
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
