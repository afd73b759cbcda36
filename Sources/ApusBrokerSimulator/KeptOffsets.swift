import ApusBase
import ApusSimulator

/// What the file of consumer offsets says, read by the checker: the file, or the one before it when the machine stopped
/// between two names. With light queues theirs counts first.
struct KeptOffsets {
  private var offsets: [String: [SimulatedQueue: Int64]] = [:]

  init(_ disk: SimulatedDisk, light: Bool) {
    let files = disk.contents(of: "store/config")
    let names = (light ? ["lmqConsumerOffset.json"] : []) + ["consumerOffset.json"]
    for name in names.flatMap({ [$0, $0 + ".bak"] }) {
      guard let file = files.first(where: { $0.name == name }), !file.bytes.isEmpty else { continue }
      do throws(DecodeError) {
        read(try JSONParser.parse(file.bytes.rawSpan))
        return
      } catch {
        continue
      }
    }
  }

  /// Where a group is in each queue.
  func offsets(of group: String) -> [SimulatedQueue: Int64] { offsets[group] ?? [:] }

  private mutating func read(_ json: JSONValue) {
    for member in json["offsetTable"]?.members ?? [] {
      let names = (member.key.text ?? "").split(separator: "@").map { String($0) }
      guard names.count == 2 else { continue }
      for entry in member.value.members ?? [] {
        guard let queue = entry.key.int32, let offset = entry.value.int64 else { continue }
        offsets[names[1], default: [:]][SimulatedQueue(topic: names[0], id: queue)] = offset
      }
    }
  }
}
