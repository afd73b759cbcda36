import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore

extension MessageStore {
  /// Stores a message in queue 0 of a topic and makes it visible, without the broker's help. The log file must have
  /// room.
  func storeDirectly(
    _ body: String, to topic: String, _ properties: [(name: String, value: String)] = []
  ) throws(DiskError) {
    let (name, text) = (Array(topic.utf8), Array(body.utf8))
    let encoded = MessageProperties.encode(properties)
    let time = WallTime(milliseconds: 1)
    let draft = RecordDraft(
      topic: name.rawSpan, body: text.rawSpan, properties: encoded.rawSpan, queueID: 0, flag: 0, sysFlag: [],
      bodyCRC: CRC32.body(text.rawSpan), bornTime: time, bornHost: .loopback(port: 1), storeHost: .loopback(port: 2),
      tagsCode: 0)
    let queue = try openQueue(topic: topic, id: 0)
    _ = append(draft, to: queue, now: time)
    _ = dispatch()
  }

  /// Makes the next log files that are to be there.
  func prepareDirectly(on disk: any Disk) {
    while let plan = planPreparation() {
      guard finish(plan, plan.run(on: disk)) else { return }
    }
  }
}
