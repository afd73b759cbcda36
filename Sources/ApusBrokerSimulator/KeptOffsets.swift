import ApusBase
import ApusSimulator

/// What the file of consumer offsets says, read by the checker: the file, or the one before it when the machine stopped
/// between two names.
struct KeptOffsets {
  private(set) var offsets: [SimulatedConsumer.Queue: Int64] = [:]

  init(_ disk: SimulatedDisk) {
    let files = disk.contents(of: "store/config")
    for name in ["consumerOffset.json", "consumerOffset.json.bak"] {
      guard let file = files.first(where: { $0.name == name }), !file.bytes.isEmpty else { continue }
      do throws(DecodeError) {
        read(try JSONParser.parse(file.bytes.rawSpan))
        return
      } catch {
        continue
      }
    }
  }

  private mutating func read(_ json: JSONValue) {
    for member in json["offsetTable"]?.members ?? [] {
      let names = (member.key.text ?? "").split(separator: "@")
      guard names.count == 2, names[1] == SimulatedConsumer.group else { continue }
      for entry in member.value.members ?? [] {
        guard let queue = entry.key.int32, let offset = entry.value.int64 else { continue }
        offsets[SimulatedConsumer.Queue(topic: String(names[0]), id: queue)] = offset
      }
    }
  }
}
