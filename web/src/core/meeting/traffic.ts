/** Bytes that came over a connection so far; 0 when there is none. */
export async function came(connection: RTCPeerConnection | null): Promise<number> {
  let bytes = 0;
  (await connection?.getStats())?.forEach((entry: Record<string, unknown>) => {
    if (entry["type"] === "candidate-pair") bytes += Number(entry["bytesReceived"] ?? 0);
  });
  return bytes;
}
