/// What an account may do with a topic or a group.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/common/Permission.java
package struct AccessPermission: OptionSet, Hashable, Sendable, CustomStringConvertible {
  /// Java's bits.
  package var rawValue: UInt8

  /// Wraps bits.
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// 1 DENY: nothing, whatever else is set.
  package static var deny: AccessPermission { AccessPermission(rawValue: 1) }
  /// 4 PUB: send.
  package static var publish: AccessPermission { AccessPermission(rawValue: 4) }
  /// 8 SUB: consume.
  package static var subscribe: AccessPermission { AccessPermission(rawValue: 8) }
  /// PUB or SUB: as a need, one of them is enough (Java's ANY, bit 2).
  package static var any: AccessPermission { AccessPermission(rawValue: 12) }

  /// Reads `DENY`, `PUB`, `SUB`, `PUB|SUB` or `SUB|PUB`, with blanks around it. Nil for anything else, which Java takes
  /// for DENY without a word.
  package init?(_ text: some StringProtocol) {
    switch text.trimmingSpaces {
    case "DENY": self = .deny
    case "PUB": self = .publish
    case "SUB": self = .subscribe
    case "PUB|SUB", "SUB|PUB": self = .any
    default: return nil
    }
  }

  /// Whether this permission grants what is needed.
  package func grants(_ needed: AccessPermission) -> Bool {
    rawValue & AccessPermission.deny.rawValue == 0 && rawValue & needed.rawValue != 0
  }

  /// As it stands in files.
  package var description: String {
    if contains(.deny) { return "DENY" }
    return [(AccessPermission.publish, "PUB"), (.subscribe, "SUB")].filter { contains($0.0) }.map(\.1)
      .joined(separator: "|")
  }
}

extension StringProtocol {
  /// Without blanks at both ends.
  var trimmingSpaces: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
