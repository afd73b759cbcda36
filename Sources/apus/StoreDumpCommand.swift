import ApusBase
import ApusCommandLine
import ApusModel
import ApusStore
import ApusStoreCore
import ApusSystem

/// `apus store dump`: shows what lies in the files, as it is.
enum StoreDumpCommand {
  /// What is shown.
  enum Part: String, CaseIterable {
    case log, queue, index, checkpoint
  }

  static func run(_ store: ClosedStore, _ arguments: Arguments) throws(CommandFailure) {
    let word = arguments.operands.count > 2 ? arguments.operands[2] : Part.log.rawValue
    guard let part = Part(rawValue: word) else {
      throw arguments.failure("say what to show: \(Part.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let count = try arguments.integer("count", in: 1...Int(Int32.max)) ?? 20
    let from = try arguments.integer("from", in: 0...Int.max).map { Int64($0) }
    let queue = try arguments.integer("queue", in: 0...Int(Int32.max)) ?? 0
    let dump = StoreDump(disk: store.disk, settings: store.settings)
    let isJSON = arguments.has("json")
    func show(_ line: StoreDump.Line) {
      ToolOutput.show((isJSON ? line.json.text() : line.text) + "\n")
    }
    let topic = arguments.text("topic")
    if part == .queue, topic == nil { throw arguments.failure("say which queue: --topic NAME --queue N") }
    if part == .queue, let topic { try requireQueue(Int32(queue), of: topic, in: dump, store) }
    if part == .index, store.index == nil { throw arguments.failure("the store has no index files") }
    do throws(DiskError) {
      switch part {
      case .log: try dump.log(from: PhysicalOffset(from ?? 0), count: count, withBodies: arguments.has("body"), show)
      case .queue:
        try dump.queue(
          topic ?? "", Int32(queue), from: QueueOffset(from ?? 0), count: count, withRecords: arguments.has("records"),
          withBodies: arguments.has("body"), show)
      case .index:
        if let layout = store.index { try dump.index(layout, from: from ?? 0, count: count, show) }
      case .checkpoint: try dump.marks(show)
      }
    } catch {
      throw store.failure(error)
    }
  }

  /// Fails when there is no such queue, and says which ones there are.
  private static func requireQueue(
    _ id: Int32, of topic: String, in dump: StoreDump, _ store: ClosedStore
  ) throws(CommandFailure) {
    let ids: [Int32]
    do throws(DiskError) { ids = try dump.queues(of: topic) } catch { throw store.failure(error) }
    guard !ids.isEmpty else { throw CommandFailure(.failure, "the store has no queue of the topic '\(topic)'") }
    guard ids.contains(id) else {
      let known = ids.map { "\($0)" }.joined(separator: ", ")
      throw CommandFailure(.failure, "the topic '\(topic)' has no queue \(id), but \(known)")
    }
  }
}
