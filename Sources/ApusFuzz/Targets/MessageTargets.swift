import ApusBase
import ApusModel
import ApusSimulator

extension FuzzTarget {
  private static let propertyWords = [
    "TAGS\u{1}a\u{2}", "KEYS\u{1}k1 k2\u{2}", "WAIT\u{1}true\u{2}", "DELAY\u{1}3\u{2}", "UNIQ_KEY\u{1}0A\u{2}",
    "TRAN_MSG\u{1}true\u{2}", "TIMER_DELAY_MS\u{1}5\u{2}", "__STARTDELIVERTIME\u{1}1\u{2}", "CLUSTER\u{1}c\u{2}",
    "\u{1}",
    "\u{2}", "\u{1}\u{2}",
  ]

  /// Messages on the wire and in the log.
  static let messages: [FuzzTarget] = [
    FuzzTarget("batch-body", words: propertyWords, MessageChecks.batch),
    FuzzTarget("stored-record", words: propertyWords, MessageChecks.record),
    FuzzTarget("properties", words: propertyWords, MessageChecks.properties),
  ]
}

/// Messages, their properties and their stored form.
enum MessageChecks {
  private static let host = HostAddress(ipv4: 0x7F00_0001, port: 10_911)
  private static let time = WallTime(milliseconds: 1_700_000_000_000)

  /// The body of a batch, behind a byte that says how many bytes of it are the batch's own properties: the records that
  /// are made of it are those that its messages say.
  static func batch(_ input: [UInt8]) throws(FuzzFinding) {
    let shared = Array(input.dropFirst().prefix(Int(input.first ?? 0)))
    let body = Array(input.dropFirst(1 + shared.count))
    let topic = Array("topic".utf8)
    let template = RecordDraft(
      topic: topic.rawSpan, body: RawSpan(), properties: shared.rawSpan, queueID: 3, flag: 0, sysFlag: [], bodyCRC: 0,
      bornTime: time, bornHost: host, storeHost: host, tagsCode: 0)
    guard let (records, tagsCodes) = readable({ written(try BatchDraft(template, body: body.rawSpan)) }) else {
      return
    }
    var position = 0
    var reader = BatchBody(body.rawSpan)
    for (index, tagsCode) in tagsCodes.enumerated() {
      let place = (QueueOffset(7 + Int64(index)), PhysicalOffset(1000 + Int64(position)))
      let rest = Array(records[position...])
      let record = readable { Message(try StoredRecord(rest.rawSpan), tagsCode: tagsCode) }
      let item = readable { () throws(DecodeError) -> Message? in
        guard let item = try reader.next() else { return nil }
        return Message(item, of: shared, place)
      }
      try require(record == item ?? nil, "record \(index) of the batch is \(record as Any), not \(item as Any)")
      position += record?.size ?? 0
    }
    try require(position == records.count, "the records of the batch have \(records.count) bytes, not \(position)")
  }

  /// The records of a batch and the tags code of each.
  private static func written(_ draft: borrowing BatchDraft) -> ([UInt8], [Int64]) {
    let records = unsafe [UInt8](unsafeUninitializedCapacity: draft.recordBytes) { room, count in
      if let start = room.baseAddress {
        unsafe draft.encode(
          to: start, queueOffset: QueueOffset(7), physicalOffset: PhysicalOffset(1000), storeTime: time)
      }
      count = draft.recordBytes
    }
    return (records, (0..<draft.count).map { draft.tagsCode($0) })
  }

  /// What a record has of its own, and what the message of a batch must become.
  private struct Message: Equatable {
    var flag: Int32
    var body: [UInt8]
    var properties: [UInt8]
    var crc: Int32
    var queueOffset: QueueOffset
    var offset: PhysicalOffset
    var tagsCode: Int64
    var size: Int

    init(_ record: borrowing StoredRecord, tagsCode: Int64) {
      flag = record.flag
      body = record.body.array
      properties = record.properties.bytes.array
      crc = record.bodyCRC
      queueOffset = record.queueOffset
      offset = record.physicalOffset
      self.tagsCode = tagsCode
      size = record.size
    }

    init(_ item: borrowing BatchBody.Item, of shared: [UInt8], _ place: (QueueOffset, PhysicalOffset)) {
      flag = item.flag
      body = item.body.array
      let own = item.properties.array
      properties = own + (shared.isEmpty || own.isEmpty || own.last == 2 ? [] : [2]) + shared
      crc = CRC32.body(item.body)
      (queueOffset, offset) = place
      size = 91 + "topic".utf8.count + body.count + properties.count
      tagsCode = pairs(properties).last { $0.name == Array("TAGS".utf8) }.map { TagsCode.hash($0.value.rawSpan) } ?? 0
    }
  }

  /// A record of the log: read as the simulator's checkers read it, and written as it was.
  static func record(_ input: [UInt8]) throws(FuzzFinding) {
    _ = StoredRecord.prefix(of: input.rawSpan)
    guard input.count >= StoredRecord.minimumBytes else { return }
    let length = Int(input.rawSpan.loadBigEndian(at: 0, as: Int32.self))
    let offset = input.rawSpan.loadBigEndian(at: 28, as: Int64.self)
    guard length <= input.count, length > 0, input.rawSpan.loadBigEndian(at: 4, as: Int32.self) == StoredRecord.magic
    else {
      _ = readable { try StoredRecord(input.rawSpan).size }
      return
    }
    let bytes = Array(input[..<length])
    let scanned = ScannedLog.record(bytes, at: offset)
    do {
      let record = try StoredRecord(bytes.rawSpan)
      try require(record.bodyMatchesCRC == (scanned != nil), "the checkers find that the body is another")
      if let scanned { try require(isSame(record, scanned), "the checkers read \(scanned) of a record") }
      if offset >= 0 {
        let again = readable { try MessageID("\(record.id)") }
        try require(again == record.id, "the id \(record.id) is not read as it is written")
      }
      // Topics of more than 127 bytes are read, but not written.
      guard record.topic.byteCount <= 127 else { return }
      try require(written(record) == bytes, "a record that is written anew is another")
    } catch let finding as FuzzFinding {
      throw finding
    } catch {
      let isLong = (scanned?.properties.count ?? 0) > MessageProperties.maximumBytes
      try require(scanned == nil || isLong, "a record that the checkers can read is refused: \(error)")
    }
  }

  private static func isSame(_ record: borrowing StoredRecord, _ scanned: ScannedLog.Record) -> Bool {
    record.size == scanned.size && record.queueID == scanned.queueID && record.flag == scanned.flag
      && record.queueOffset.rawValue == scanned.queueOffset && record.sysFlag.rawValue == scanned.sysFlag
      && record.storeTime.milliseconds == scanned.storeTime && record.body.array == scanned.body
      && record.topic.text == scanned.topic && record.properties.bytes.array == scanned.properties
  }

  private static func written(_ record: borrowing StoredRecord) -> [UInt8] {
    var draft = RecordDraft(
      topic: record.topic, body: record.body, properties: record.properties.bytes, queueID: record.queueID,
      flag: record.flag, sysFlag: record.sysFlag, bodyCRC: record.bodyCRC, bornTime: record.bornTime,
      bornHost: record.bornHost, storeHost: record.storeHost, tagsCode: 0)
    draft.reconsumeTimes = record.reconsumeTimes
    draft.preparedTransactionOffset = record.preparedTransactionOffset
    return unsafe [UInt8](unsafeUninitializedCapacity: draft.recordBytes) { room, count in
      if let start = room.baseAddress {
        unsafe draft.encode(
          to: start, queueOffset: record.queueOffset, physicalOffset: record.physicalOffset,
          storeTime: record.storeTime)
      }
      count = draft.recordBytes
    }
  }

  // MARK: Properties

  /// Encoded properties against a plain reading of Java's rules.
  static func properties(_ input: [UInt8]) throws(FuzzFinding) {
    let properties = MessageProperties(input.rawSpan)
    let expected = pairs(input)
    try require(pairs(properties) == expected, "\(pairs(properties)) are read, not \(expected)")
    try known(properties, expected)

    var stored = ByteWriter()
    properties.writeStored(cluster: Array("c".utf8).rawSpan, into: &stored)
    let kept =
      expected.filter { !["WAIT", "CLUSTER"].contains(String(decoding: $0.name, as: UTF8.self)) } + [
        Pair("CLUSTER", "c")
      ]
    try require(pairs(stored.array) == kept, "stored, \(expected) is \(pairs(stored.array))")

    var delayed = ByteWriter()
    properties.writeDelayed(
      level: 3, topic: Array("t".utf8).rawSpan, queueID: 5, cluster: nil, into: &delayed)
    let own = ["DELAY", "REAL_TOPIC", "REAL_QID"]
    let waiting =
      expected.filter { pair in !own.contains(String(decoding: pair.name, as: UTF8.self)) }
      + [Pair("DELAY", "3"), Pair("REAL_TOPIC", "t"), Pair("REAL_QID", "5")]
    try require(pairs(delayed.array) == waiting, "delayed, \(expected) is \(pairs(delayed.array))")
  }

  private struct Pair: Equatable {
    var name: [UInt8]
    var value: [UInt8]

    init(_ name: String, _ value: String) { (self.name, self.value) = (Array(name.utf8), Array(value.utf8)) }
    init(_ name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
      (self.name, self.value) = (Array(name), Array(value))
    }
  }

  /// The pairs of encoded properties: pieces between 0x02, cut at their first 0x01, those left out that lack a part.
  private static func pairs(_ bytes: [UInt8]) -> [Pair] {
    bytes.split(separator: 2).compactMap { piece in
      guard let separator = piece.firstIndex(of: 1), separator > piece.startIndex, separator + 1 < piece.endIndex
      else { return nil }
      return Pair(piece[..<separator], piece[(separator + 1)...])
    }
  }

  private static func pairs(_ properties: borrowing MessageProperties) -> [Pair] {
    var found: [Pair] = []
    var position = 0
    while let pair = properties.next(&position) {
      found.append(
        Pair(properties.bytes.extracting(pair.name).array, properties.bytes.extracting(pair.value).array))
    }
    return found
  }

  private static func known(_ properties: borrowing MessageProperties, _ pairs: [Pair]) throws(FuzzFinding) {
    func value(_ name: String) -> [UInt8]? { pairs.last { $0.name == Array(name.utf8) }?.value }
    let bytes = properties.bytes
    let known = KnownProperties(properties)
    for (name, range) in [
      ("TAGS", known.tags), ("KEYS", known.keys), ("UNIQ_KEY", known.uniqueKey), ("WAIT", known.wait),
      ("DELAY", known.delay), ("TRAN_MSG", known.transaction),
    ] {
      let found = range.map { bytes.extracting($0).array }
      try require(found == value(name), "\(name) is \(found as Any), not \(value(name) as Any)")
    }
    let isTimed = pairs.contains { pair in
      pair.name.starts(with: "TIMER_".utf8) && pair.name.count >= 12 || pair.name == Array("__STARTDELIVERTIME".utf8)
    }
    try require(known.isTimed == isTimed, "\(pairs) are timed: \(known.isTimed)")
    let tags = properties.value(of: PropertyName.tags)?.array
    try require(tags == value("TAGS"), "TAGS is \(tags as Any), not \(value("TAGS") as Any)")
    let number = value("DELAY").flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    try require(properties.integer(PropertyName.delay) == number, "DELAY is not the number \(number as Any)")
  }
}
