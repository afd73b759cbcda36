import ApusBase
import ApusModel

/// The properties of a delivered message, those of the protocol included. They are kept as they were stored and read
/// when they are asked for: a consumer pays only for what it looks at.
public struct ReceivedProperties: Hashable, Sendable {
  /// Pairs as stored; of two with one name the later counts.
  private var bytes: [UInt8]

  /// Takes properties as they are stored.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The value of a name; nil when it is not there.
  public internal(set) subscript(name: String) -> String? {
    get {
      let properties = MessageProperties(bytes.rawSpan)
      var value: Range<Int>?
      var position = 0
      while let pair = properties.next(&position) {
        if properties.bytes.extracting(pair.name).equals(utf8: name) { value = pair.value }
      }
      return value.map { properties.bytes.extracting($0).text }
    }
    set {
      guard let newValue else {
        var all = dictionary
        all[name] = nil
        bytes = MessageProperties.encode(all.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) })
        return
      }
      if let last = bytes.last, last != MessageProperties.pairSeparator {
        bytes.append(MessageProperties.pairSeparator)
      }
      bytes += name.utf8
      bytes.append(MessageProperties.nameValueSeparator)
      bytes += newValue.utf8
    }
  }

  /// All of them.
  public var dictionary: [String: String] { MessageProperties(bytes.rawSpan).dictionary }

  /// Whether all names and values are the same.
  public static func == (left: ReceivedProperties, right: ReceivedProperties) -> Bool {
    left.bytes == right.bytes || left.dictionary == right.dictionary
  }

  /// Hashes names and values, in whatever order they are stored.
  public func hash(into hasher: inout Hasher) { hasher.combine(dictionary) }
}

extension ReceivedProperties: Sequence {
  /// Goes through names and values, in no particular order.
  public func makeIterator() -> Dictionary<String, String>.Iterator { dictionary.makeIterator() }
}
