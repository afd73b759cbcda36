import ApusBase
import ApusModel
import Testing

@Suite struct StoredRecordTests {
  /// Calls `body` with every record of the recorded store.
  func eachRecord(_ body: (borrowing StoredRecord) throws -> Void) throws {
    for file in try Fixtures.commitLog() {
      let span = file.rawSpan
      var position = 0
      walk: while position < span.byteCount {
        let rest = span.extracting(position..<span.byteCount)
        switch StoredRecord.prefix(of: rest) {
        case .record:
          let record = try StoredRecord(rest)
          try body(record)
          position += record.size
        case .blank, .unwritten: break walk
        case .unknown:
          Issue.record("unknown bytes at \(position)")
          break walk
        }
      }
    }
  }

  @Test func `reads every recorded message`() throws {
    let rows = try Fixtures.rows("store/messages.tsv").dropFirst()
    var count = 0
    try eachRecord { record in
      let row = rows[rows.startIndex + count]
      count += 1
      #expect(record.physicalOffset.description == row[0])
      #expect(String(record.size) == row[1])
      #expect(record.topic.text == row[2])
      #expect(String(record.queueID) == row[3])
      #expect(record.queueOffset.description == row[4])
      #expect(String(record.flag) == row[5])
      #expect(String(record.sysFlag.rawValue) == row[6])
      #expect(String(record.bornTime.milliseconds) == row[7])
      #expect(record.bornHost.description == row[8])
      #expect(String(record.storeTime.milliseconds) == row[9])
      #expect(record.storeHost.description == row[10])
      #expect(String(record.reconsumeTimes) == row[11])
      #expect(String(record.preparedTransactionOffset) == row[12])
      #expect(String(record.bodyCRC) == row[13])
      #expect(record.bodyMatchesCRC == true)
      #expect(String(record.body.byteCount) == row[14])
      #expect(record.id.description == row[20])
      let properties = try Fixtures.json(row[21], as: String.self)
      #expect(record.properties.bytes.text == properties)
    }
    #expect(count == 639)
    #expect(rows.count == 639)
  }

  @Test func `writes every recorded message back byte for byte`() throws {
    try eachRecord { record in
      var draft = RecordDraft(
        topic: record.topic, body: record.body, properties: record.properties.bytes, queueID: record.queueID,
        flag: record.flag, sysFlag: record.sysFlag, bodyCRC: record.bodyCRC, bornTime: record.bornTime,
        bornHost: record.bornHost, storeHost: record.storeHost, tagsCode: 0)
      draft.reconsumeTimes = record.reconsumeTimes
      draft.preparedTransactionOffset = record.preparedTransactionOffset
      #expect(draft.recordBytes == record.size)
      let size = draft.recordBytes
      let target = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1)
      defer { unsafe target.deallocate() }
      unsafe draft.encode(
        to: target, queueOffset: record.queueOffset, physicalOffset: record.physicalOffset, storeTime: record.storeTime)
      let written = unsafe Array(UnsafeRawBufferPointer(start: target, count: size))
      #expect(written == record.bytes.array)
    }
  }

  @Test func `refuses every truncation and every flipped length`() throws {
    var first: [UInt8] = []
    try eachRecord { if first.isEmpty { first = $0.bytes.array } }
    for length in 0..<first.count {
      #expect(throws: DecodeError.self) { _ = try StoredRecord(first.rawSpan.extracting(0..<length)).size }
    }
    for position in [0, 1, 2, 3, 4, 7, 39, 84, 87, 94, first.count - 40] {
      for bit in 0..<8 {
        var damaged = first
        damaged[position] ^= 1 << bit
        // Whatever it makes of it, it must not trap, and no field may lie outside of the record.
        guard let size = try? StoredRecord(damaged.rawSpan).size else { continue }
        #expect(size <= damaged.count)
      }
    }
  }

  @Test func `reads topic lengths of two bytes`() throws {
    let topic = Array(String(repeating: "t", count: 200).utf8)
    var writer = ByteWriter()
    writer.write(Int32(91 + 1 + topic.count))
    writer.write(StoredRecord.magicV2)
    writer.write(repeating: 0, count: 76 + 4)
    writer.write(Int16(topic.count))
    writer.write(topic)
    writer.write(Int16(0))
    let bytes = writer.array
    #expect(try StoredRecord(bytes.rawSpan).topic.text == topic.rawSpan.text)
  }

  @Test func `reads batch items and stops at the first that does not fit`() throws {
    var writer = ByteWriter()
    for (body, properties) in [("one", "TAGS\u{1}a"), ("", ""), ("three", "KEYS\u{1}k\u{2}")] {
      writer.write(Int32(22 + body.utf8.count + properties.utf8.count))
      writer.write(Int64(0))
      writer.write(Int32(7))
      writer.write(Int32(body.utf8.count))
      writer.write(utf8: body)
      writer.write(Int16(properties.utf8.count))
      writer.write(utf8: properties)
    }
    let bytes = writer.array
    var batch = BatchBody(bytes.rawSpan)
    var bodies: [String] = []
    while let item = try batch.next() {
      bodies.append(item.body.text)
      #expect(item.flag == 7)
    }
    #expect(bodies == ["one", "", "three"])
    for length in 1..<bytes.count where ![31, 53].contains(length) {
      #expect(throws: DecodeError.self) {
        var batch = BatchBody(bytes.rawSpan.extracting(0..<length))
        while try batch.next() != nil {}
      }
    }
    for negative in [16, 23] {
      var hostile = bytes
      hostile[negative] = 0xFF
      #expect(throws: DecodeError.self) {
        var batch = BatchBody(hostile.rawSpan)
        while try batch.next() != nil {}
      }
    }
  }
}
