import ApusBase
import ApusModel
import Testing

@Suite struct BatchDraftTests {
  private struct Item {
    var flag: Int32
    var body: [UInt8]
    var properties: [UInt8]

    init(_ flag: Int32, _ body: String, _ properties: String = "") {
      self.flag = flag
      self.body = Array(body.utf8)
      self.properties = Array(properties.utf8)
    }
  }

  private static func body(_ items: [Item]) -> [UInt8] {
    var writer = ByteWriter()
    for item in items {
      writer.write(Int32(22 + item.body.count + item.properties.count))
      writer.write(0 as Int64)
      writer.write(item.flag)
      writer.write(Int32(item.body.count))
      writer.write(item.body)
      writer.write(Int16(item.properties.count))
      writer.write(item.properties)
    }
    return writer.array
  }

  @_lifetime(copy topic, copy properties)
  private static func template(_ topic: RawSpan, _ properties: RawSpan, _ bornHost: HostAddress) -> RecordDraft {
    var template = RecordDraft(
      topic: topic, body: RawSpan(), properties: properties, queueID: 3, flag: 0, sysFlag: [], bodyCRC: 0,
      bornTime: WallTime(milliseconds: 5), bornHost: bornHost, storeHost: .loopback(port: 10_911), tagsCode: 0)
    template.reconsumeTimes = 4
    return template
  }

  private static let hosts = [
    HostAddress(ipv4: 0x0A00_0001, port: 1000), HostAddress(ipv6High: 0xFE80 << 48, low: 1, port: 2000),
  ]

  /// What a record's properties are: the item's, then the batch's.
  private static func joined(_ own: [UInt8], _ shared: [UInt8]) -> [UInt8] {
    own.isEmpty || shared.isEmpty || own.last == 2 ? own + shared : own + [2] + shared
  }

  @Test(arguments: ["", "CLUSTER\u{1}C", "TAGS\u{1}shared\u{2}CLUSTER\u{1}C"], hosts)
  func `every record is what a single message would be`(shared: String, host: HostAddress) throws {
    let items = [
      Item(1, "one"), Item(2, "", "KEYS\u{1}k"), Item(-3, "three", "TAGS\u{1}own\u{2}"), Item(0, "four", "\u{2}"),
      Item(5, String(repeating: "x", count: 300), "TAGS\u{1}own"),
    ]
    let (topic, shared) = (Array("Topic".utf8), Array(shared.utf8))
    let bytes = Self.body(items)
    let batch = try BatchDraft(Self.template(topic.rawSpan, shared.rawSpan, host), body: bytes.rawSpan)
    #expect(batch.count == items.count)
    let (start, now) = (PhysicalOffset(1 << 40), WallTime(milliseconds: 77))
    var expected: [UInt8] = []
    for (index, item) in items.enumerated() {
      let properties = Self.joined(item.properties, shared)
      var tags: Int64 = 0
      if let text = MessageProperties(properties.rawSpan).value(of: PropertyName.tags) { tags = TagsCode.hash(text) }
      var draft = RecordDraft(
        topic: topic.rawSpan, body: item.body.rawSpan, properties: properties.rawSpan, queueID: 3, flag: item.flag,
        sysFlag: [], bodyCRC: CRC32.body(item.body.rawSpan), bornTime: WallTime(milliseconds: 5), bornHost: host,
        storeHost: .loopback(port: 10_911), tagsCode: tags)
      draft.reconsumeTimes = 4
      #expect(batch.recordBytes(index) == draft.recordBytes)
      #expect(batch.tagsCode(index) == tags)
      var record = [UInt8](repeating: 0, count: draft.recordBytes)
      unsafe record.withUnsafeMutableBytes { room in
        unsafe draft.encode(
          to: room.baseAddress!, queueOffset: QueueOffset(9 + Int64(index)), physicalOffset: start + expected.count,
          storeTime: now)
      }
      expected += record
    }
    var written = [UInt8](repeating: 0xEE, count: batch.recordBytes + 8)
    let room = UnsafeMutableRawPointer.allocate(byteCount: written.count, alignment: 8)
    defer { unsafe room.deallocate() }
    unsafe room.initializeMemory(as: UInt8.self, repeating: 0xEE, count: written.count)
    unsafe batch.encode(to: room, queueOffset: QueueOffset(9), physicalOffset: start, storeTime: now)
    for index in written.indices { written[index] = unsafe room.load(fromByteOffset: index, as: UInt8.self) }
    #expect(written == expected + [UInt8](repeating: 0xEE, count: 8))
  }

  @Test func `a body that ends within an item is refused, and one without items`() throws {
    let whole = Self.body([Item(0, "first", "a\u{1}b"), Item(0, "second")])
    let first = 22 + 5 + 3
    for count in 0..<whole.count where count != first {
      #expect(throws: DecodeError.self) { try Self.count(of: Array(whole[..<count])) }
    }
    #expect(try Self.count(of: whole) == 2)
  }

  private static func count(of body: [UInt8], shared: String = "") throws(DecodeError) -> Int {
    let (topic, shared) = (Array("T".utf8), Array(shared.utf8))
    return try BatchDraft(template(topic.rawSpan, shared.rawSpan, hosts[0]), body: body.rawSpan).count
  }

  @Test func `properties that grow too long with the batch's are refused`() throws {
    // With the separator between them the joined properties have one byte more.
    for (count, fits) in [(32_767 - 10, true), (32_767 - 9, false)] {
      let bytes = Self.body([Item(0, "b", "n\u{1}" + String(repeating: "v", count: count - 2))])
      if fits {
        #expect(try Self.count(of: bytes, shared: "CLUSTER\u{1}C") == 1)
      } else {
        #expect(throws: DecodeError.self) { try Self.count(of: bytes, shared: "CLUSTER\u{1}C") }
      }
    }
  }

  @Test(arguments: hosts)
  func `the ids of a batch are those of its messages`(host: HostAddress) {
    let offsets = [0, 300, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF].map { PhysicalOffset($0) }
    var list = MessageIDList(host: host, count: 2)
    for offset in offsets { list.append(offset) }
    let expected = offsets.map { MessageID(host: host, offset: $0).description }.joined(separator: ",")
    #expect(String(decoding: list.text, as: UTF8.self) == expected)
  }
}
