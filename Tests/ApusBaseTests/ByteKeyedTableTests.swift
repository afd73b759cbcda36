import Testing

@testable import ApusBase

@Suite struct ByteKeyedTableTests {
  @Test func `finds what was put under the same bytes`() {
    var table = ByteKeyedTable<Int>()
    #expect(table.update(1, forKey: "TopicA") == nil)
    #expect(table.update(2, forKey: "TopicB") == nil)
    let bytes = Array("xTopicAx".utf8)
    #expect(table[bytes.rawSpan.extracting(1..<7)] == 1)
    #expect(table["TopicB"] == 2)
    #expect(table["Topic"] == nil)
    #expect(table[""] == nil)
    #expect(table.update(3, forKey: "TopicA") == 1)
    #expect(table["TopicA"] == 3)
    #expect(table.count == 2)
  }

  @Test func `holds keys of every length, the empty one too`() {
    var table = ByteKeyedTable<Int>(seed: 77)
    for length in 0...300 { table.update(length, forKey: String(repeating: "k", count: length)) }
    #expect(table.count == 301)
    for length in 0...300 { #expect(table[String(repeating: "k", count: length)] == length) }
  }

  @Test func `agrees with a dictionary over random insertions and removals`() {
    var generator = SeededGenerator(seed: 4)
    var table = ByteKeyedTable<UInt64>(seed: generator.next())
    var model: [String: UInt64] = [:]
    for _ in 0..<40_000 {
      let key = "key-\(generator.next() % 700)"
      if generator.next() % 3 == 0 {
        #expect(table.remove(key) == model.removeValue(forKey: key))
      } else {
        let value = generator.next()
        #expect(table.update(value, forKey: key) == model.updateValue(value, forKey: key))
      }
    }
    #expect(table.count == model.count)
    for (key, value) in model { #expect(table[key] == value) }
    #expect(table.values.sorted() == model.values.sorted())
  }

  @Test func `does not grow when keys come and go`() {
    var table = ByteKeyedTable<Int>()
    for round in 0..<100_000 {
      table.update(round, forKey: "name-\(round)")
      table.remove("name-\(round)")
    }
    #expect(table.isEmpty)
    #expect(table.slots.count == 16)
    #expect(table.pairs.count == 1)
    #expect(table.keys.count < 4096)
  }
}
