import ApusBase

/// Traces put together into as few messages as their limits allow.
package struct TraceMessages: Sendable {
  /// One message to the trace topic.
  package struct Item: Hashable, Sendable {
    /// The region whose traces these are.
    package var region: String
    /// The records, one behind the other.
    package var body: [UInt8]
    /// The words by which it can be found, each once.
    package var words: [String]
  }

  /// The longest body, unless one trace alone is longer.
  package static let bodyLimit = 128_000
  /// How many bytes the words may have together: they are a property, and all properties have 32,767.
  package static let wordsLimit = 30_000

  /// The messages for traces, in their order within a region.
  package static func make(of traces: [MessageTrace], isCloud: Bool = false) -> [Item] {
    var open: [String: Draft] = [:]
    var regions: [String] = []
    var items: [Item] = []
    for trace in traces {
      // Only a cloud's traces have a topic for each region.
      let region = isCloud ? trace.region : ""
      var record = ByteWriter(capacity: 256)
      trace.encode(isCloud: isCloud, into: &record)
      if open[region] == nil { regions.append(region) }
      var draft = open[region] ?? Draft()
      let words = trace.words.filter { !draft.seen.contains($0) }
      let bytes = words.reduce(0) { $0 + $1.utf8.count + 1 }
      if !draft.body.isEmpty,
        draft.body.count + record.count > bodyLimit || draft.wordBytes + bytes > wordsLimit
      {
        items.append(draft.item(region))
        draft = Draft()
      }
      draft.add(record.array, trace.words)
      open[region] = draft
    }
    for region in regions { if let draft = open[region] { items.append(draft.item(region)) } }
    return items
  }

  private struct Draft {
    var body: [UInt8] = []
    var words: [String] = []
    var seen: Set<String> = []
    var wordBytes = 0

    mutating func add(_ record: [UInt8], _ new: [String]) {
      body += record
      for word in new where wordBytes + word.utf8.count < TraceMessages.wordsLimit && seen.insert(word).inserted {
        words.append(word)
        wordBytes += word.utf8.count + 1
      }
    }

    func item(_ region: String) -> Item { Item(region: region, body: body, words: words) }
  }
}
