import CYAML

/// A YAML text that cannot be read: where and why. It quotes nothing of the text, which may hold secrets.
struct YAMLError: Error, Hashable, Sendable {
  /// The line, counted from 1.
  var line: Int
  /// What is wrong there.
  var reason: String
}

/// Reads one YAML document with libyaml's event parser. Depth, size and count are bounded; anchors' aliases, tags,
/// several documents and keys that stand twice are refused, as each of them has been an attack on some reader.
enum YAMLReader {
  /// The longest text, in bytes.
  static let byteLimit = 1 << 20
  private static let depthLimit = 16
  /// The longest key, in bytes: libyaml reads none of more than 1,024 characters, which quotes and escapes count to.
  private static let longestKey = 128
  private static let nodeLimit = 100_000

  /// A list or mapping that is being read.
  private struct Open {
    var line: Int
    var isMapping: Bool
    var elements: [YAMLNode] = []
    var entries: [YAMLEntry] = []
    var keys: Set<String> = []
    var key: String?

    var node: YAMLNode { YAMLNode(content: isMapping ? .mapping(entries) : .sequence(elements), line: line) }
  }

  /// The document; nil for a text without one.
  static func read(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
    guard bytes.count <= byteLimit else { throw YAMLError(line: 1, reason: "longer than \(byteLimit) bytes") }
    return try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(YAMLError) in
      var parser = unsafe yaml_parser_t()
      guard unsafe yaml_parser_initialize(&parser) == 1 else { throw YAMLError(line: 1, reason: "no memory") }
      defer { unsafe yaml_parser_delete(&parser) }
      unsafe yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      unsafe yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
      return try unsafe document(&parser)
    }
  }

  private static func document(_ parser: inout yaml_parser_t) throws(YAMLError) -> YAMLNode? {
    var root: YAMLNode?
    var open: [Open] = []
    var documents = 0
    var nodes = 0
    while true {
      let event = try unsafe next(&parser)
      switch event.kind {
      case .end: return root
      case .passedOver: continue
      case .document:
        documents += 1
        guard documents == 1 else { throw YAMLError(line: event.line, reason: "a second document begins") }
        continue
      case .alias: throw YAMLError(line: event.line, reason: "aliases are not taken")
      case .tagged: throw YAMLError(line: event.line, reason: "tags are not taken")
      case .scalar, .list, .mapping, .closed: break
      }
      nodes += 1
      guard nodes <= nodeLimit else { throw YAMLError(line: event.line, reason: "more than \(nodeLimit) values") }
      let finished: YAMLNode
      switch event.kind {
      case .scalar(let text, let isPlain):
        finished = YAMLNode(content: .scalar(text, isPlain: isPlain), line: event.line)
      case .closed:
        guard let last = open.popLast() else { throw YAMLError(line: event.line, reason: "an end without a beginning") }
        finished = last.node
      default:
        guard open.count < depthLimit else { throw YAMLError(line: event.line, reason: "nested too deeply") }
        open.append(Open(line: event.line, isMapping: event.kind == .mapping))
        continue
      }
      if open.isEmpty { root = finished } else { try add(finished, to: &open[open.count - 1], event.line) }
    }
  }

  private static func add(_ node: YAMLNode, to parent: inout Open, _ line: Int) throws(YAMLError) {
    guard parent.isMapping else { return parent.elements.append(node) }
    guard let key = parent.key else {
      guard case .scalar(let key, _) = node.content else { throw YAMLError(line: line, reason: "a key is not a text") }
      guard key.utf8.count <= Self.longestKey else {
        throw YAMLError(line: line, reason: "a key has \(key.utf8.count) bytes, more than \(Self.longestKey)")
      }
      guard parent.keys.insert(key).inserted else {
        throw YAMLError(line: line, reason: "a key stands there for the second time")
      }
      parent.key = key
      return
    }
    parent.entries.append(YAMLEntry(key: key, value: node))
    parent.key = nil
  }

  // MARK: Events

  private enum Kind: Hashable {
    case end, passedOver, document, alias, tagged, list, mapping, closed
    case scalar(String, isPlain: Bool)
  }

  private static func next(_ parser: inout yaml_parser_t) throws(YAMLError) -> (kind: Kind, line: Int) {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(&parser, &event) == 1 else {
      let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "no YAML"
      throw unsafe YAMLError(line: Int(apus_yaml_problem_line(&parser)) + 1, reason: problem)
    }
    defer { unsafe yaml_event_delete(&event) }
    let line = unsafe Int(apus_yaml_line(&event)) + 1
    guard unsafe apus_yaml_has_tag(&event) == 0 else { return (.tagged, line) }
    switch unsafe apus_yaml_type(&event) {
    case YAML_STREAM_END_EVENT: return (.end, line)
    case YAML_DOCUMENT_START_EVENT: return (.document, line)
    case YAML_ALIAS_EVENT: return (.alias, line)
    case YAML_SEQUENCE_START_EVENT: return (.list, line)
    case YAML_MAPPING_START_EVENT: return (.mapping, line)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return (.closed, line)
    case YAML_SCALAR_EVENT:
      var count = 0
      let start = unsafe apus_yaml_scalar(&event, &count)
      let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
      let text = unsafe String(decoding: bytes, as: UTF8.self)
      return (.scalar(text, isPlain: unsafe apus_yaml_scalar_is_plain(&event) != 0), line)
    default: return (.passedOver, line)
    }
  }
}
