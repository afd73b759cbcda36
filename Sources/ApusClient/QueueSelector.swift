import ApusClientCore

/// Which of a topic's queues a message goes to. Rules of the application's own are closures:
/// ``Producer/send(_:timeout:choosing:)``.
public struct QueueSelector: Hashable, Sendable {
  let core: QueueSelection

  /// SelectMessageQueueByHash: messages with one key go to one queue, and so keep their order. A Java producer picks
  /// the same queue for the same string.
  public static func hash(of key: String) -> QueueSelector { QueueSelector(core: .hash(of: key)) }
  /// As ``hash(of:)-(String)``, for numbers; a Java producer picks the same queue for the same `Long`.
  public static func hash(of key: Int64) -> QueueSelector { QueueSelector(core: .hash(of: key)) }
  /// SelectMessageQueueByRandom: any queue.
  public static let random = QueueSelector(core: .random)
  /// SelectMessageQueueByMachineRoom: any queue of brokers called `room@name` in one of these rooms.
  public static func machineRoom(_ rooms: Set<String>) -> QueueSelector { QueueSelector(core: .machineRoom(rooms)) }
}
