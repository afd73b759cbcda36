import ApusBase
import ApusSystem

/// One request to a broker over a connection of its own, waited for. For what precedes a measurement.
final class BrokerCall: BenchConnectionOwner {
  /// What came back.
  struct Answer {
    /// How the request ended.
    var code: Int32
    /// The broker's sentence.
    var remark: String
    /// The field `offset`, where there is one.
    var offset: Int64?
    /// What followed the header.
    var body: [UInt8]
  }

  private let frame: [UInt8]
  private let loop: EventLoop
  private var answer: Answer?
  private var failure: BenchError?

  /// Asks and waits up to ten seconds.
  static func ask(
    _ settings: BenchSettings, code: Int, fields: KeyValuePairs<String, String> = [:]
  ) throws(BenchError) -> Answer {
    let loop: EventLoop
    do throws(SystemError) {
      loop = try EventLoop(name: "call")
    } catch {
      throw BenchError("\(error)")
    }
    let call = BrokerCall(RequestFrame.encode(code: code, number: 1, fields: fields), loop)
    let connection = try BenchConnection(index: 0, to: settings.broker, tls: settings.tls, on: loop, owner: call)
    defer { connection.close(on: loop) }
    loop.schedule(after: .seconds(10)) {
      call.failure =
        call.failure ?? BenchError("the broker at \(settings.broker) did not answer code \(code) within 10 s")
      loop.stop()
    }
    loop.run()
    if let answer = call.answer { return answer }
    throw call.failure ?? BenchError("no answer")
  }

  private init(_ frame: [UInt8], _ loop: EventLoop) {
    self.frame = frame
    self.loop = loop
  }

  func opened(_ connection: BenchConnection) { connection.output.write(frame) }

  func received(_ response: borrowing Response, on connection: BenchConnection) {
    answer = Answer(
      code: response.code, remark: response.remark, offset: response.field("\"offset\":"), body: response.body.array)
    loop.stop()
  }

  func failed(_ connection: BenchConnection, _ error: BenchError) {
    failure = error
    loop.stop()
  }
}

/// What has to be known and made before a measurement.
enum BrokerPreparation {
  /// Makes the topic if the broker does not have it; returns how many of the wanted queues it has for writing.
  static func topic(_ settings: BenchSettings) throws(BenchError) -> Int {
    if let queues = try existingQueues(settings) { return min(queues, settings.queues) }
    let created = try BrokerCall.ask(
      settings, code: 17,
      fields: [
        "topic": settings.topic, "defaultTopic": "TBW102", "readQueueNums": "\(settings.queues)",
        "writeQueueNums": "\(settings.queues)", "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0",
        "order": "false",
      ])
    guard created.code == 0 else {
      throw BenchError("the broker refused to make topic \(settings.topic): code \(created.code) \(created.remark)")
    }
    return settings.queues
  }

  private static func existingQueues(_ settings: BenchSettings) throws(BenchError) -> Int? {
    let all = try BrokerCall.ask(settings, code: 21)
    guard all.code == 0, !all.body.isEmpty else { return nil }
    do throws(DecodeError) {
      let table = try JSONParser.parse(all.body.rawSpan)["topicConfigTable"]
      guard let topic = table?[settings.topic] else { return nil }
      return Int(try topic.int32("writeQueueNums", default: 1))
    } catch {
      throw BenchError("the broker's list of topics is not JSON: \(error)")
    }
  }

  /// The first offset of each queue (code 31), or the one after the last (code 30).
  static func offsets(_ settings: BenchSettings, ends: Bool) throws(BenchError) -> [Int64] {
    var offsets: [Int64] = []
    for queue in 0..<settings.queues {
      let answer = try BrokerCall.ask(
        settings, code: ends ? 30 : 31, fields: ["topic": settings.topic, "queueId": "\(queue)"])
      guard answer.code == 0, let offset = answer.offset else {
        throw BenchError("the broker does not tell the offsets of queue \(queue): \(answer.code) \(answer.remark)")
      }
      offsets.append(offset)
    }
    return offsets
  }
}
