import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem

@testable import ApusClient

/// A name server whose routes lead to itself, and a broker that answers nothing but what it is told to, or hangs up.
final class MuteServer: RemotingService {
  /// The answer to a request, of which there were so many before; nil for none.
  typealias Answer = @Sendable (RequestCode, Int) -> Reply?

  /// How many requests came that do not ask for routes.
  let asked = Locked(0)
  private let hangsUp: Bool
  /// How many queues routes say that each topic has.
  private let queueCount: Int32
  /// Where routes say that its group's slave is; nil for none.
  private let slave: String?
  /// How often it does not know a topic before it does.
  private let missCount: Int
  /// How often it was asked for the route of each topic.
  private let lookups = Locked<[String: Int]>([:])
  private let answer: Answer
  private let loop: ServerLoop
  private let bound = Locked("")

  init(
    hangsUp: Bool = false, queueCount: Int32 = 1, slave: String? = nil, missCount: Int = 0,
    answering answer: @escaping Answer = { _, _ in nil }
  ) throws {
    self.hangsUp = hangsUp
    self.queueCount = queueCount
    self.slave = slave
    self.missCount = missCount
    self.answer = answer
    loop = try ServerLoop(index: 4, name: "test-mute")
    let address = try loop.start(self)
    bound.withLock { $0 = address }
  }

  /// Where it listens.
  var address: String { bound.withLock { $0 } }

  func stop() { loop.stop() }

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    if request.code == .getRouteInfoByTopic {
      let topic = Command(copying: request)["topic"] ?? ""
      let count = lookups.withLock { lookups in
        lookups[topic, default: 0] += 1
        return lookups[topic, default: 0]
      }
      guard count > missCount else {
        connection.send(Reply(.topicNotExist, remark: "nobody knows it yet"), to: request.header)
        return .done
      }
      var members: [Int64: String] = [0: address]
      members[1] = slave
      let queues = QueueData(
        brokerName: "mute", readQueueCount: queueCount, writeQueueCount: queueCount, permission: [.read, .write])
      let route = TopicRouteData(
        queues: [queues], brokers: [BrokerData(cluster: "c", brokerName: "mute", addresses: members)])
      connection.send(Reply(body: route.bytes(.standard)), to: request.header)
      return .done
    }
    let before = asked.withLock { asked in
      defer { asked += 1 }
      return asked
    }
    if let reply = answer(request.code, before) {
      connection.send(reply, to: request.header)
    } else if hangsUp {
      connection.close()
    }
    return .done
  }
}
