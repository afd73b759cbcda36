/// What clients may do with a topic's queues, or with all of a broker's.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/constant/PermName.java
@frozen
public struct Permission: OptionSet, Hashable, Sendable, CustomStringConvertible {
  /// The bits on the wire; unknown ones are kept.
  public var rawValue: Int32

  /// Wraps bits from the wire.
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// 1 INHERIT: topics created from this template take its permission.
  @inlinable public static var inherit: Permission { Permission(rawValue: 1) }
  /// 2 WRITE: producers may send.
  @inlinable public static var write: Permission { Permission(rawValue: 2) }
  /// 4 READ: consumers may pull.
  @inlinable public static var read: Permission { Permission(rawValue: 4) }
  /// 8 PRIORITY: declared by Java, used by nobody.
  @inlinable public static var priority: Permission { Permission(rawValue: 8) }
  /// READ and WRITE, what a topic has unless told.
  @inlinable public static var readWrite: Permission { Permission(rawValue: 6) }

  /// As Java prints it: `RW-`, `R--`, `RWX`.
  public var description: String {
    (contains(.read) ? "R" : "-") + (contains(.write) ? "W" : "-") + (contains(.inherit) ? "X" : "-")
  }
}
