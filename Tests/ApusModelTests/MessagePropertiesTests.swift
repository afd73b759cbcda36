import ApusBase
import ApusModel
import Testing

@Suite struct MessagePropertiesTests {
  @Test func `reads raw strings as Java does`() throws {
    for row in try Fixtures.ids("propertiesParse") {
      let raw = Array(try Fixtures.json(row[0], as: String.self).utf8)
      let expected = try Fixtures.json(row[1], as: [String: String].self)
      #expect(MessageProperties(raw.rawSpan).dictionary == expected)
    }
    for row in try Fixtures.ids("properties") {
      let raw = Fixtures.bytes(hex: row[2])
      let expected = try Fixtures.json(row[3], as: [String: String].self)
      #expect(MessageProperties(raw.rawSpan).dictionary == expected)
    }
  }

  @Test func `the later of two equal names counts`() throws {
    let raw = Array("WAIT\u{1}true\u{2}TAGS\u{1}a\u{2}WAIT\u{1}FALSE\u{2}TAGS\u{1}b".utf8)
    let properties = MessageProperties(raw.rawSpan)
    let tags = properties.value(of: PropertyName.tags)
    #expect(tags?.text == "b")
    #expect(properties.flag(PropertyName.wait) == false)
    let known = KnownProperties(properties)
    #expect(properties.bytes.extracting(try #require(known.tags)).text == "b")
    #expect(properties.bytes.extracting(try #require(known.wait)).text == "FALSE")
    #expect(known.keys == nil)
  }

  @Test func `finds every property that the broker acts on in one pass`() throws {
    let raw = MessageProperties.encode([
      ("KEYS", "k1 k2"), ("UNIQ_KEY", "U"), ("DELAY", "3"), ("TRAN_MSG", "true"), ("other", "x"), ("TAGS", "T"),
    ])
    let known = KnownProperties(MessageProperties(raw.rawSpan))
    func text(_ range: Range<Int>?) -> String? { range.map { raw.rawSpan.extracting($0).text } }
    #expect(text(known.keys) == "k1 k2")
    #expect(text(known.uniqueKey) == "U")
    #expect(text(known.delay) == "3")
    #expect(text(known.transaction) == "true")
    #expect(text(known.tags) == "T")
    #expect(MessageProperties(raw.rawSpan).integer(PropertyName.delay) == 3)
    #expect(MessageProperties(raw.rawSpan).integer(PropertyName.keys) == nil)
  }

  @Test(arguments: [
    ("TAGS\u{1}a\u{2}WAIT\u{1}true\u{2}KEYS\u{1}k\u{2}", "TAGS\u{1}a\u{2}KEYS\u{1}k\u{2}CLUSTER\u{1}C"),
    ("", "CLUSTER\u{1}C"), ("WAIT\u{1}true", "CLUSTER\u{1}C"),
    ("CLUSTER\u{1}theirs\u{2}a\u{1}b", "a\u{1}b\u{2}CLUSTER\u{1}C"),
    ("empty\u{1}\u{2}a\u{1}b", "a\u{1}b\u{2}CLUSTER\u{1}C"),
  ])
  func `a plain send is stored without WAIT and with CLUSTER`(sent: String, stored: String) {
    var writer = ByteWriter()
    let bytes = Array(sent.utf8)
    MessageProperties(bytes.rawSpan).writeStored(cluster: Array("C".utf8).rawSpan, into: &writer)
    #expect(writer.bytes.text == stored)
  }

  @Test func `removes names and appends pairs`() {
    var writer = ByteWriter()
    let bytes = Array("DELAY\u{1}3\u{2}a\u{1}b\u{2}REAL_QID\u{1}1\u{2}c\u{1}d\u{2}".utf8)
    MessageProperties(bytes.rawSpan).write(into: &writer, removing: PropertyName.delay, PropertyName.realQueueID)
    MessageProperties.append(PropertyName.wait, Array("true".utf8).rawSpan, into: &writer, after: 0)
    #expect(writer.bytes.text == "a\u{1}b\u{2}c\u{1}d\u{2}WAIT\u{1}true")
  }

  @Test func `hashes tags as Java does`() throws {
    for row in try Fixtures.ids("stringHash") {
      #expect(String(TagsCode.hash(try Fixtures.json(row[0], as: String.self))) == row[2])
      #expect(String(TagsCode.hash(Fixtures.bytes(hex: row[3]).rawSpan)) == row[2])
    }
  }

  @Test func `checks bodies as Java does`() throws {
    for row in try Fixtures.ids("bodyCRC") {
      #expect(String(CRC32.body(Fixtures.bytes(hex: row[0]).rawSpan)) == row[1])
    }
  }
}
