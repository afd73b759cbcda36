import Testing

@testable import ApusBase

@Suite struct ByteWriterTests {
  @Test func `writes big-endian values that a reader gets back`() throws {
    var writer = ByteWriter(capacity: 1)
    writer.write(Int32(-2))
    writer.write(Int64.min)
    writer.write(UInt8(7))
    writer.write(utf8: "héllo")
    #expect(writer.array[0..<4] == [0xFF, 0xFF, 0xFF, 0xFE])
    var reader = ByteReader(writer.bytes)
    #expect(try reader.read(Int32.self) == -2)
    #expect(try reader.read(Int64.self) == Int64.min)
    #expect(try reader.read(UInt8.self) == 7)
    #expect(try reader.read(count: 6).text == "héllo")
    #expect(reader.remaining == 0)
  }

  @Test(arguments: [0, 1, -1, 9, 10, 99, 100, 1234567890, Int64.max, Int64.min])
  func `writes decimals as Swift prints them`(value: Int64) {
    var writer = ByteWriter()
    writer.write(decimal: value)
    #expect(writer.bytes.text == "\(value)")
  }

  @Test func `removes from the front and patches`() {
    var writer = ByteWriter()
    writer.write([1, 2, 3, 4, 5, 6])
    writer.patch(-1, at: 1)
    #expect(writer.array == [1, 255, 255, 255, 255, 6])
    writer.removeFirst(5)
    #expect(writer.array == [6])
  }
}

@Suite struct ByteReaderTests {
  @Test func `names field, offset and need when the bytes run out`() throws {
    let bytes: [UInt8] = [0, 0, 0, 1, 2]
    var reader = ByteReader(bytes.rawSpan)
    _ = try reader.read(Int32.self)
    #expect(throws: DecodeError(field: "queueId", offset: 4, reason: "needs 4 bytes, 1 left")) {
      var copy = ByteReader(bytes.rawSpan)
      try copy.skip(4)
      _ = try copy.read(Int32.self, "queueId")
    }
    #expect(reader.offset == 4)
  }

  @Test func `refuses a negative count`() {
    let bytes: [UInt8] = [1, 2, 3]
    #expect(throws: DecodeError.self) {
      var reader = ByteReader(bytes.rawSpan)
      try reader.skip(-1)
    }
  }
}
