package import ApusBase
package import ApusModel

/// One access control file: what it says, and what requests 50, 51 and 53 change in it.
///
///     globalWhiteRemoteAddresses:
///     - 10.10.103.*
///     accounts:
///     - accessKey: orders-service
///       secretKey: …
///       whiteRemoteAddress:
///       admin: false
///       defaultTopicPerm: DENY
///       defaultGroupPerm: SUB
///       topicPerms:
///       - orders=PUB|SUB
///       groupPerms:
///       - shipping=SUB
///     dataVersion:
///     - counter: 3
///       timestamp: 1795221109578
///
/// What it does not know it keeps when it is written. Comments are lost by that, as with Java.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/plain/PlainPermissionManager.java.
/// Deviation: a permission or truth value that Java does not understand, which it takes for DENY or false, is an error.
package struct AccessFile: Sendable, CustomStringConvertible, CustomReflectable {
  /// The longest file, in bytes.
  package static let byteLimit = YAMLReader.byteLimit
  /// Java wants access keys and secret keys that are longer than this.
  static let shortestKey = 6

  /// Where the file is.
  package let path: String
  /// Peers that are let through whoever they say they are.
  package private(set) var globalAddresses: [AddressPattern] = []
  /// The accounts, in the order of the file.
  package private(set) var accounts: [AccountEntry] = []
  /// Which state of the file this is; nil when it does not say.
  package private(set) var version: DataVersion?
  private var root: [YAMLEntry]

  /// A file without content, that can be changed and then written.
  package init(path: String) {
    self.path = path
    root = []
  }

  /// Reads a file's text. Throws file, line and reason; never a part of a secret.
  package init(path: String, bytes: [UInt8]) throws(AccessFileError) {
    self.path = path
    do throws(YAMLError) {
      switch try YAMLReader.read(bytes)?.content {
      case nil: root = []
      case .scalar("", isPlain: true): root = []
      case .mapping(let entries): root = entries
      case .scalar, .sequence: throw YAMLError(line: 1, reason: "must have keys and values")
      }
      try interpret()
    } catch {
      throw AccessFileError(path: path, line: error.line, reason: error.reason)
    }
  }

  /// The file's text, secrets included.
  package var bytes: [UInt8] { YAMLWriter.text(root) }

  /// Where the file is, and nothing of its secrets.
  package var description: String { "AccessFile(\(path))" }
  /// Where the file is, and nothing of its secrets.
  package var customMirror: Mirror { Mirror(self, children: ["path": path]) }

  // MARK: Reading

  private mutating func interpret() throws(YAMLError) {
    globalAddresses = []
    for (node, text) in try Self.texts(root["globalWhiteRemoteAddresses"], "globalWhiteRemoteAddresses") {
      globalAddresses.append(try AccountEntry.pattern(text, line: node.line))
    }
    accounts = []
    for node in try Self.list(root["accounts"], "accounts") { accounts.append(try AccountEntry(node)) }
    version = try Self.list(root["dataVersion"], "dataVersion").first.map { (node) throws(YAMLError) in
      guard case .mapping(let entries) = node.content else {
        throw YAMLError(line: node.line, reason: "dataVersion must hold counter and timestamp")
      }
      return DataVersion(
        timestamp: WallTime(milliseconds: try Self.number(entries["timestamp"], "timestamp")),
        counter: try Self.number(entries["counter"], "counter"))
    }
  }

  static func list(_ node: YAMLNode?, _ name: String) throws(YAMLError) -> [YAMLNode] {
    guard let node, !node.isNull else { return [] }
    guard case .sequence(let elements) = node.content else {
      throw YAMLError(line: node.line, reason: "\(name) must be a list")
    }
    return elements
  }

  static func texts(_ node: YAMLNode?, _ name: String) throws(YAMLError) -> [(YAMLNode, String)] {
    var texts: [(YAMLNode, String)] = []
    for element in try list(node, name) where !element.isNull {
      guard let text = element.text else {
        throw YAMLError(line: element.line, reason: "\(name) must be a list of texts")
      }
      texts.append((element, text))
    }
    return texts
  }

  private static func number(_ node: YAMLNode?, _ name: String) throws(YAMLError) -> Int64 {
    guard let node, !node.isNull else { return 0 }
    guard let number = node.text.flatMap({ Int64($0) }) else {
      throw YAMLError(line: node.line, reason: "\(name) must be a number")
    }
    return number
  }

  // MARK: Changing

  /// Changes an account, or adds it. Throws what the change lacks; then nothing is changed.
  package mutating func update(_ change: AccountChange, now: WallTime) throws(AccessFileError) {
    var elements: [YAMLNode]
    do throws(YAMLError) { elements = try Self.list(root["accounts"], "accounts") } catch {
      throw AccessFileError(path: path, line: error.line, reason: error.reason)
    }
    if let index = accounts.firstIndex(where: { $0.accessKey == change.accessKey }),
      case .mapping(let entries) = elements[index].content
    {
      elements[index].content = .mapping(change.applied(to: entries))
    } else {
      elements.append(YAMLNode(content: .mapping(change.applied(to: []))))
    }
    try replace("accounts", by: elements, now: now)
  }

  /// Removes an account. False when the file has none of that name.
  package mutating func remove(accessKey: String, now: WallTime) throws(AccessFileError) -> Bool {
    guard let index = accounts.firstIndex(where: { $0.accessKey == accessKey }),
      case .sequence(var elements)? = root["accounts"]?.content
    else { return false }
    elements.remove(at: index)
    try replace("accounts", by: elements, now: now)
    return true
  }

  /// Replaces the global addresses.
  package mutating func replaceGlobalAddresses(by texts: [String], now: WallTime) throws(AccessFileError) {
    try replace("globalWhiteRemoteAddresses", by: texts.map { .text($0) }, now: now)
  }

  private mutating func replace(_ key: String, by elements: [YAMLNode], now: WallTime) throws(AccessFileError) {
    var changed = self
    changed.root[key] = YAMLNode(content: .sequence(elements))
    var next = version ?? DataVersion(timestamp: now)
    next.advance(now: now)
    var entries: [YAMLEntry] = []
    if case .sequence(let versions)? = root["dataVersion"]?.content, case .mapping(let known)? = versions.first?.content
    {
      entries = known
    }
    entries["counter"] = .number(next.counter)
    entries["timestamp"] = .number(next.timestamp.milliseconds)
    changed.root["dataVersion"] = YAMLNode(content: .sequence([YAMLNode(content: .mapping(entries))]))
    do throws(YAMLError) { try changed.interpret() } catch {
      throw AccessFileError(path: path, line: error.line, reason: error.reason)
    }
    guard changed.bytes.count <= Self.byteLimit else {
      throw AccessFileError(path: path, line: 0, reason: "would be longer than \(Self.byteLimit) bytes")
    }
    self = changed
  }
}

/// An access control file that cannot be used.
package struct AccessFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file.
  package var path: String
  /// The line, counted from 1; 0 when it is about no line.
  package var line: Int
  /// What is wrong.
  package var reason: String

  /// Describes what is wrong with a file.
  package init(path: String, line: Int = 0, reason: String) {
    self.path = path
    self.line = line
    self.reason = reason
  }

  /// `path:line: reason`
  package var description: String { line > 0 ? "\(path):\(line): \(reason)" : "\(path): \(reason)" }
}
