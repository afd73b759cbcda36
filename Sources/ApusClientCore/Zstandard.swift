package import ApusBase
import CZstd

/// Zstandard frames as message bodies are compressed with them (compression type 2).
///
/// Source: RFC 8878
package enum Zstandard {
  /// The levels that the library has for users; beyond 19 they need much memory.
  package static let levels = 1...22

  /// Decompresses a frame. What follows its end is ignored. Throws for bytes that are no complete frame and for more
  /// than `limit` bytes of output. Memory grows with what has been decompressed; the window that a frame announces is
  /// only address space until it is used, and refused by the library above 128 MiB.
  package static func inflate(_ bytes: RawSpan, limit: Int) throws(DecodeError) -> [UInt8] {
    precondition(limit >= 0, "negative limit")
    let stream = unsafe ZSTD_createDStream()
    // Only a lack of memory makes this fail.
    unsafe precondition(stream != nil, "ZSTD_createDStream failed")
    defer { unsafe _ = ZSTD_freeDStream(stream) }

    var output = ByteWriter(capacity: min(limit, max(bytes.byteCount &* 4, 1024)))
    var position = 0
    // What the library would like to read next; 0 when the frame is complete.
    var wanted = 1
    var isStuck = false
    unsafe bytes.withUnsafeBytes { input in
      var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
      while wanted != 0, ZSTD_isError(wanted) == 0, output.count <= limit, !isStuck {
        let before = unsafe source.pos
        // One byte beyond the limit tells a frame that is too long from one that just fits.
        let room = min(max(output.capacity - output.count, 64 << 10), limit + 1 - output.count)
        var produced = 0
        unsafe output.append(upTo: room) { buffer in
          var target = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: room, pos: 0)
          wanted = unsafe ZSTD_decompressStream(stream, &target, &source)
          produced = ZSTD_isError(wanted) != 0 ? 0 : unsafe target.pos
          return produced
        }
        isStuck = unsafe produced == 0 && source.pos == before
      }
      position = unsafe source.pos
    }
    guard ZSTD_isError(wanted) == 0 else { throw failure(position, "not a Zstandard frame") }
    guard output.count <= limit else { throw failure(position, "more than \(limit) bytes decompressed") }
    guard wanted == 0 else { throw failure(position, "the frame is cut off") }
    return output.array
  }

  /// Compresses bytes into one frame at one of the ``levels``.
  package static func deflate(_ bytes: RawSpan, level: Int) -> [UInt8] {
    precondition(levels.contains(level), "no level of Zstandard")
    let bound = ZSTD_compressBound(bytes.byteCount)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = unsafe bytes.withUnsafeBytes { input in
        unsafe ZSTD_compress(buffer.baseAddress, bound, input.baseAddress, input.count, Int32(level))
      }
      precondition(ZSTD_isError(count) == 0, "ZSTD_compress failed although there was room")
    }
  }

  private static func failure(_ offset: Int, _ reason: String) -> DecodeError {
    DecodeError(field: "Zstandard frame", offset: offset, reason: reason)
  }
}
