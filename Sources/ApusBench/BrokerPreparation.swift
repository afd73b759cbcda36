import ApusBase

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
