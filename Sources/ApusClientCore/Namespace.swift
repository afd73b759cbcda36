import ApusModel

/// Names inside a namespace: `namespace%name`, with the marks of retry and dead-letter topics kept in front.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/NamespaceUtil.java
package enum Namespace {
  private static let families = [SystemTopics.retryPrefix, SystemTopics.deadLetterPrefix]
  private static let systemGroupPrefix = "CID_RMQ_SYS_"

  /// The name as brokers know it; unchanged without a namespace, for names of the system and for names that are in it
  /// already.
  package static func wrap(_ name: String, in namespace: String) -> String {
    guard !namespace.isEmpty, !name.isEmpty, !SystemTopics.contains(name), !name.hasPrefix(systemGroupPrefix) else {
      return name
    }
    let (family, bare) = split(name)
    return bare.hasPrefix(namespace + "%") ? name : family + namespace + "%" + bare
  }

  /// The name as the application knows it.
  package static func unwrap(_ name: String, from namespace: String) -> String {
    guard !namespace.isEmpty else { return name }
    let (family, bare) = split(name)
    return bare.hasPrefix(namespace + "%") ? family + bare.dropFirst(namespace.count + 1) : name
  }

  private static func split(_ name: String) -> (family: String, bare: String) {
    for family in families where name.hasPrefix(family) { return (family, String(name.dropFirst(family.count))) }
    return ("", name)
  }
}
