import ApusBase
import ApusModel
import ApusProtocol
import ApusSimulator

/// Reads every light queue from its beginning after each start. It must list exactly the messages of the log that name
/// it, each once and in their order.
final class SimulatedLightReader {
  static let group = "light-readers"

  private let world: SimulatedWorld
  private var peer: SimulatedPeer?
  /// What the log held of each queue when the broker started; more may have come since.
  private var listed: [String: [ScannedLog.Record]] = [:]
  /// From where it pulls next.
  private var next: [String: Int64] = [:]
  /// The queues of which an answer is waited for.
  private var waiting: Set<String> = []

  init(_ world: SimulatedWorld) { self.world = world }

  /// Begins anew over a new connection: `audited` is what the broker found when it started.
  func connect(_ peer: SimulatedPeer, _ audited: AuditedLog) {
    self.peer = peer
    listed = audited.lightQueues
    next = [:]
    waiting = []
    act()
  }

  /// Goes on reading.
  func act() {
    for name in world.lightQueues where !waiting.contains(name) { pull(name) }
  }

  /// A message of the log that it should have read by now.
  func missing(in audited: AuditedLog) -> String? {
    for name in world.lightQueues {
      let records = audited.lightQueues[name] ?? []
      let read = Int(next[name] ?? 0)
      guard let left = records.dropFirst(read).first(where: { !world.isExpired($0) }) else { continue }
      return "\(name) ends at \(read), the message at \(left.offset) names it"
    }
    return nil
  }

  private func pull(_ name: String) {
    let from = next[name] ?? 0
    let queue = SimulatedQueue(topic: name, id: 0)
    let pull = SimulatedPull(group: Self.group, queue: queue, from: from, limit: 32)
    guard let peer else { return }
    waiting.insert(name)
    peer.ask(.pullMessage, pull.fields) { [weak self] answer in
      guard let self, peer === self.peer else { return }
      waiting.remove(name)
      guard let answer else { return }
      switch answer.responseCode {
      case .success: take(answer, name, from)
      case .pullOffsetMoved: move(answer, name, from)
      default: break
      }
    }
  }

  /// The messages before an offset are gone.
  private func move(_ answer: Command, _ name: String, _ from: Int64) {
    guard let to = answer.int64("nextBeginOffset"), to > from else { return }
    guard mayPass(from..<to, of: name) else { return }
    next[name] = to
    pull(name)
  }

  /// Whether places may be passed over: what they held has expired.
  private func mayPass(_ places: Range<Int64>, of name: String) -> Bool {
    let passed = (listed[name] ?? []).dropFirst(Int(places.lowerBound)).prefix(places.count)
    guard let record = passed.first(where: { !world.isExpired($0) }) else { return true }
    world.fail("\(name) goes on at \(places.upperBound) and passes over the message at \(record.offset)")
    return false
  }

  private func take(_ answer: Command, _ name: String, _ from: Int64) {
    guard let records = ScannedLog.records(in: answer.body), !records.isEmpty else {
      return world.fail("a pull from \(name) at \(from) brings bytes that are no records")
    }
    var end = from
    for record in records {
      guard let place = record.place(in: name), place >= end else {
        return world.fail("\(name) has the message at \(record.offset) at \(end), which does not say so")
      }
      guard mayPass(end..<place, of: name) else { return }
      end = place + 1
      guard let known = listed[name], place < known.count else { continue }
      let expected = known[Int(place)]
      guard record == expected else {
        return world.fail("\(name) has the message at \(record.offset) at \(place), not the one at \(expected.offset)")
      }
    }
    guard let told = answer.int64("nextBeginOffset"), told == end else {
      return world.fail("a pull from \(name) at \(from) brings \(records.count) messages and passes others over")
    }
    next[name] = end
    pull(name)
  }
}
