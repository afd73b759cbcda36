import ApusBase
import ApusBrokerCore
import ApusSystem

/// Keeps `config/transactionChecks.json`: how often the producers of open half messages were asked. RocketMQ keeps the
/// count in the message and stores the message anew for that; it ignores this file. Without the file, or after
/// RocketMQ ran on the store, counting begins with what the messages themselves say.
///
/// The content is `{"checks":[[queueOffset, logOffset, times], …]}`.
final class CheckCounts: Sendable {
  private struct State: Sendable {
    var file: ConfigFile
    var written: Int64 = 0
  }

  private let disk: any Disk
  private let state: Locked<State>

  init(root: String, disk: any Disk) {
    self.disk = disk
    state = Locked(State(file: ConfigFile(path: root + "/config/transactionChecks.json")))
  }

  /// What the last run left behind; empty when that cannot be read, with the reason.
  func load() -> (checks: [HalfMessages.Checks], damage: String?) {
    state.withLock { state in
      do throws(ConfigFileError) {
        let loaded = try state.file.load(from: disk) { bytes throws(DecodeError) in
          Self.checks(try JSONParser.parse(bytes))
        }
        return (loaded?.value ?? [], nil)
      } catch {
        return ([], "\(error)")
      }
    }
  }

  /// Writes the file when `changes` moved since the last time. Waits for the device.
  func save(_ checks: [HalfMessages.Checks], changes: Int64) throws(DiskError) {
    try state.withLock { state throws(DiskError) in
      guard state.written != changes else { return }
      let rows = checks.map {
        JSONValue.array([.integer($0.queueOffset), .integer($0.offset.rawValue), .integer(Int64($0.times))])
      }
      let content = JSONValue(members: ["checks": .array(rows)])
      try state.file.store(content.bytes(.pretty).rawSpan, to: disk)
      state.written = changes
    }
  }

  private static func checks(_ json: JSONValue) -> [HalfMessages.Checks] {
    (json["checks"]?.elements ?? []).compactMap { row in
      guard let numbers = row.elements, numbers.count == 3, let place = numbers[0].int64, place >= 0,
        let offset = numbers[1].int64, let times = numbers[2].int32
      else { return nil }
      return HalfMessages.Checks(queueOffset: place, offset: PhysicalOffset(offset), times: times)
    }
  }
}
