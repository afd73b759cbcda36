package import ApusBase
import CLZ4

/// LZ4 frames as message bodies are compressed with them (compression type 1).
///
/// Source: lz4/lz4@v1.9.4:doc/lz4_Frame_format.md
package enum LZ4Frame {
  /// Decompresses a frame. What follows its end is ignored. Throws for bytes that are no complete frame and for more
  /// than `limit` bytes of output; memory grows with what has been decompressed.
  package static func inflate(_ bytes: RawSpan, limit: Int) throws(DecodeError) -> [UInt8] {
    precondition(limit >= 0, "negative limit")
    var context: OpaquePointer?
    let created = unsafe LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
    // Only a lack of memory or another library than the headers' makes this fail.
    precondition(LZ4F_isError(created) == 0, "LZ4F_createDecompressionContext failed")
    defer { unsafe _ = LZ4F_freeDecompressionContext(context) }

    var output = ByteWriter(capacity: min(limit, max(bytes.byteCount &* 4, 1024)))
    var position = 0
    // What the library would like to read next; 0 when the frame is complete.
    var wanted = 1
    var isStuck = false
    unsafe bytes.withUnsafeBytes { input in
      while wanted != 0, LZ4F_isError(wanted) == 0, output.count <= limit, !isStuck {
        var consumed = input.count - position
        var produced = 0
        // One byte beyond the limit tells a frame that is too long from one that just fits.
        let room = min(max(output.capacity - output.count, 64 << 10), limit + 1 - output.count)
        unsafe output.append(upTo: room) { buffer in
          produced = room
          let source = unsafe input.baseAddress.map { unsafe $0 + position }
          wanted = unsafe LZ4F_decompress(context, buffer.baseAddress, &produced, source, &consumed, nil)
          if LZ4F_isError(wanted) != 0 { (produced, consumed) = (0, 0) }
          return produced
        }
        position += consumed
        isStuck = produced == 0 && consumed == 0
      }
    }
    guard LZ4F_isError(wanted) == 0 else { throw failure(position, "not an LZ4 frame") }
    guard output.count <= limit else { throw failure(position, "more than \(limit) bytes decompressed") }
    guard wanted == 0 else { throw failure(position, "the frame is cut off") }
    return output.array
  }

  /// Compresses bytes into one frame. Its blocks do not refer to each other, as Java's reader demands.
  package static func deflate(_ bytes: RawSpan) -> [UInt8] {
    var preferences = LZ4F_preferences_t()
    preferences.frameInfo.blockMode = LZ4F_blockIndependent
    preferences.frameInfo.blockSizeID = LZ4F_max4MB
    let bound = unsafe LZ4F_compressFrameBound(bytes.byteCount, &preferences)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = unsafe bytes.withUnsafeBytes { input in
        unsafe LZ4F_compressFrame(buffer.baseAddress, bound, input.baseAddress, input.count, &preferences)
      }
      precondition(LZ4F_isError(count) == 0, "LZ4F_compressFrame failed although there was room")
    }
  }

  private static func failure(_ offset: Int, _ reason: String) -> DecodeError {
    DecodeError(field: "LZ4 frame", offset: offset, reason: reason)
  }
}
