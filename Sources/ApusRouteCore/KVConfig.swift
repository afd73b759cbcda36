package import ApusBase

/// The name server's table of settings that tools and clients share: namespace to key to value. Kept in
/// `kvConfig.json`.
///
/// | Member | Type |
/// |---|---|
/// | configTable | object: namespace → object: key → string |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:namesrv/src/main/java/org/apache/rocketmq/namesrv/kvconfig/KVConfigManager.java
package struct KVConfig: Hashable, Sendable {
  /// The namespace whose keys are topics and whose values are their order configurations, `brokerName:queues;…`.
  package static let orderTopics = "ORDER_TOPIC_CONFIG"

  /// Namespace to key to value. A namespace stays when its last key goes, as in Java.
  private var table: [String: [String: String]] = [:]

  /// Makes an empty table.
  package init() {}

  /// Reads `kvConfig.json`. Members that are not strings are an error rather than lost.
  package init(json: JSONValue) throws(DecodeError) {
    guard case .object(let members) = json else { throw Self.malformed("not an object") }
    for member in members where member.key == .string("configTable") {
      guard case .object(let namespaces) = member.value else {
        if member.value == .null { continue }
        throw Self.malformed("configTable is not an object")
      }
      for namespace in namespaces {
        guard case .string(let name) = namespace.key, case .object(let entries) = namespace.value else {
          throw Self.malformed("a namespace is not an object")
        }
        var values: [String: String] = [:]
        for entry in entries {
          guard case .string(let key) = entry.key, case .string(let value) = entry.value else {
            throw Self.malformed("an entry of namespace \(name) is not a string")
          }
          values[key] = value
        }
        table[name] = values
      }
    }
  }

  /// The content of `kvConfig.json`, sorted.
  package var json: JSONValue {
    let namespaces = table.sorted { $0.key < $1.key }.map { name, values in JSONMember(name, Self.object(values)) }
    return .object([JSONMember("configTable", .object(namespaces))])
  }

  /// Sets a value (code 100). Returns whether the table changed and is to be stored.
  package mutating func put(_ value: String, forKey key: String, in namespace: String) -> Bool {
    table[namespace, default: [:]].updateValue(value, forKey: key) != value
  }

  /// Removes a value (code 102). Returns whether the table changed and is to be stored.
  package mutating func remove(_ key: String, in namespace: String) -> Bool {
    table[namespace]?.removeValue(forKey: key) != nil
  }

  /// A value (code 101); nil when there is none.
  package func value(of key: String, in namespace: String) -> String? { table[namespace]?[key] }

  /// A whole namespace (code 219); nil when there never was one.
  package func values(in namespace: String) -> [String: String]? { table[namespace] }

  /// A namespace as the body KVTable; nil when there never was one.
  package func body(of namespace: String) -> JSONValue? {
    table[namespace].map { .object([JSONMember("table", Self.object($0))]) }
  }

  private static func object(_ values: [String: String]) -> JSONValue {
    .object(values.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) })
  }

  private static func malformed(_ reason: String) -> DecodeError {
    DecodeError(field: "kvConfig", offset: 0, reason: reason)
  }
}
