package import ApusBase
import CZlib

/// zlib streams (RFC 1950), as Java's `Deflater` and `Inflater` make and read them: compressed registrations and
/// message bodies.
package enum Zlib {
  /// The level that RocketMQ compresses with unless told.
  package static let defaultLevel: Int32 = 5

  /// Decompresses a stream. What follows its end is ignored, as in Java. Throws for bytes that are no complete stream
  /// and for more than `limit` bytes of output; memory grows with what has been decompressed, never with what was
  /// announced.
  package static func inflate(_ bytes: RawSpan, limit: Int) throws(DecodeError) -> [UInt8] {
    precondition(limit >= 0, "negative limit")
    guard bytes.byteCount <= Int(UInt32.max) else { throw failure(0, "longer than 4 GiB") }
    var stream = unsafe z_stream()
    var result = unsafe inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    // Only a lack of memory or another library than the headers' makes this fail.
    precondition(result == Z_OK, "inflateInit failed with \(result)")
    defer { unsafe inflateEnd(&stream) }

    var output = ByteWriter(capacity: min(limit, max(bytes.byteCount &* 4, 1024)))
    unsafe bytes.withUnsafeBytes { input in
      unsafe stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
      unsafe stream.avail_in = UInt32(input.count)
      repeat {
        // One byte beyond the limit tells a stream that is too long from one that just fits.
        let room = min(max(output.capacity - output.count, 16 << 10), limit + 1 - output.count)
        unsafe output.append(upTo: room) { buffer in
          unsafe stream.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
          unsafe stream.avail_out = UInt32(clamping: room)
          unsafe result = CZlib.inflate(&stream, Z_NO_FLUSH)
          return unsafe min(room, Int(UInt32.max)) - Int(stream.avail_out)
        }
      } while result == Z_OK && output.count <= limit
    }
    let position = unsafe Int(stream.total_in)
    guard output.count <= limit else { throw failure(position, "more than \(limit) bytes decompressed") }
    switch result {
    case Z_STREAM_END: return output.array
    case Z_BUF_ERROR: throw failure(position, "the stream is cut off")
    case Z_NEED_DICT: throw failure(position, "the stream needs a dictionary")
    default: throw failure(position, "not a zlib stream")
    }
  }

  /// Compresses bytes at a level of 0 (stored) to 9 (smallest); other levels count as the default.
  package static func deflate(_ bytes: RawSpan, level: Int32 = defaultLevel) -> [UInt8] {
    var length = compressBound(UInt(bytes.byteCount))
    return unsafe [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
      let result = unsafe bytes.withUnsafeBytes { input in
        unsafe compress2(
          buffer.baseAddress, &length, input.bindMemory(to: UInt8.self).baseAddress, UInt(input.count),
          (0...9).contains(level) ? level : defaultLevel)
      }
      precondition(result == Z_OK, "compress2 failed with \(result) although there was room")
      count = Int(length)
    }
  }

  private static func failure(_ offset: Int, _ reason: String) -> DecodeError {
    DecodeError(field: "zlib stream", offset: offset, reason: reason)
  }
}
