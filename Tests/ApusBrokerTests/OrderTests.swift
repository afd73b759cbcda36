import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// Locks for consuming in order: codes 41 and 42.
@Suite struct OrderTests {
  let broker: BrokerUnderTest

  init() throws { broker = try BrokerUnderTest() }

  private func lock(_ client: String, _ queues: [Int32], code: RequestCode = .lockBatchMessageQueue) -> Reply {
    let body = LockRequestBody(
      group: "g", clientID: client,
      queues: queues.map { MessageQueue(topic: "T", brokerName: "fx-a", queueID: $0) })
    return broker.ask(code, body: body.bytes())
  }

  @Test(arguments: ["0041-LOCK_BATCH_MQ", "0042-UNLOCK_BATCH_MQ"])
  func `answers as a Java broker did`(file: String) throws {
    for sample in try RecordedFrames.samples(file) {
      let reply = broker.answer(sample.request)
      let response = try #require(sample.response)
      #expect(reply.code == response.responseCode)
      #expect(reply.remark == response.remark)
      guard !response.body.isEmpty else {
        #expect(reply.body.isEmpty)
        continue
      }
      let (ours, recorded) = (try LockResponseBody(bytes: reply.body), try LockResponseBody(bytes: response.body))
      #expect(Set(ours.queues) == Set(recorded.queues), "\(sample.title)")
    }
  }

  @Test func `a queue has one holder until that one gives it back`() throws {
    #expect(try LockResponseBody(bytes: lock("a", [0, 1]).body).queues.map(\.queueID) == [0, 1])
    #expect(try LockResponseBody(bytes: lock("b", [1, 2]).body).queues.map(\.queueID) == [2])
    #expect(lock("b", [1], code: .unlockBatchMessageQueue).code == .success)
    #expect(try LockResponseBody(bytes: lock("b", [1]).body).queues.isEmpty)
    #expect(lock("a", [1], code: .unlockBatchMessageQueue).code == .success)
    #expect(try LockResponseBody(bytes: lock("b", [1]).body).queues.map(\.queueID) == [1])
  }

  @Test(arguments: [
    "", "{", "[]", "7", "null", #"{"consumerGroup":"g"}"#, #"{"clientId":"c"}"#,
    #"{"clientId":"","consumerGroup":"g","mqSet":[]}"#, #"{"clientId":"c","consumerGroup":"a b","mqSet":[]}"#,
    #"{"clientId":"c","consumerGroup":"g","mqSet":7}"#, #"{"clientId":"c","consumerGroup":"g","mqSet":[{}]}"#,
    #"{"clientId":"c","consumerGroup":"g","mqSet":[{"topic":"t","brokerName":"b","queueId":99999999999}]}"#,
    #"{"clientId":"c","consumerGroup":"g","mqSet":[{"topic":"t","brokerName":"b","queueId":-1}]}"#,
    #"{"clientId":"c","consumerGroup":"g","mqSet":[{"topic":"\#(String(repeating: "t", count: 128))","#
      + #""brokerName":"b","queueId":0}]}"#,
    #"{"clientId":"\#(String(repeating: "c", count: 1025))","consumerGroup":"g","mqSet":[]}"#,
  ])
  func `a wish that cannot be is refused and locks nothing`(body: String) {
    for code in [RequestCode.lockBatchMessageQueue, .unlockBatchMessageQueue] {
      let reply = broker.ask(code, body: Array(body.utf8))
      #expect(reply.code == .systemError)
      #expect(reply.remark?.isEmpty == false)
    }
    #expect(broker.tables.locks.withLock { $0.count } == 0)
  }
}
