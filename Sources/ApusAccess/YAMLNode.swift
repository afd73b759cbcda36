/// One value of a YAML document, as far as configuration files need YAML: texts, lists and mappings with text keys.
struct YAMLNode: Hashable, Sendable {
  /// What the value is.
  enum Content: Hashable, Sendable {
    /// A text. A plain one stands without quotes, so that `true`, `null` and numbers may mean more than their letters.
    case scalar(String, isPlain: Bool)
    /// A list.
    case sequence([YAMLNode])
    /// A mapping, in the order of the file.
    case mapping([YAMLEntry])
  }

  /// What the value is.
  var content: Content
  /// Where it begins, counted from 1; 0 for one that is new.
  var line: Int = 0

  /// A new text.
  static func text(_ text: String) -> YAMLNode { YAMLNode(content: .scalar(text, isPlain: false)) }
  /// A new number.
  static func number(_ number: Int64) -> YAMLNode { YAMLNode(content: .scalar("\(number)", isPlain: true)) }
  /// A new truth value.
  static func flag(_ flag: Bool) -> YAMLNode { YAMLNode(content: .scalar("\(flag)", isPlain: true)) }
  /// A new list of texts.
  static func list(_ texts: [String]) -> YAMLNode { YAMLNode(content: .sequence(texts.map { .text($0) })) }

  /// Whether nothing stands there, or a word for nothing.
  var isNull: Bool {
    if case .scalar(let text, isPlain: true) = content { return ["", "~", "null", "Null", "NULL"].contains(text) }
    return false
  }

  /// The text of a scalar that is not null.
  var text: String? {
    if case .scalar(let text, _) = content, !isNull { return text }
    return nil
  }
}

/// One member of a mapping.
struct YAMLEntry: Hashable, Sendable {
  var key: String
  var value: YAMLNode
}

extension [YAMLEntry] {
  /// The value of a key; nil when it is absent. A new value takes the place of the old one, or the last place.
  subscript(key: String) -> YAMLNode? {
    get { first { $0.key == key }?.value }
    set {
      guard let newValue else { return removeAll { $0.key == key } }
      if let index = firstIndex(where: { $0.key == key }) {
        self[index].value = newValue
      } else {
        append(YAMLEntry(key: key, value: newValue))
      }
    }
  }
}
