import ApusBase
import ApusBroker
import ApusCommandLine
import ApusStore
import ApusStoreCore
import ApusSystem

/// `apus store check`: one line for each finding, then a summary. Ends with 1 when there is a problem.
enum StoreCheckCommand {
  static func run(_ store: ClosedStore, _ arguments: Arguments) throws(CommandFailure) {
    let isJSON = arguments.has("json")
    let outcome = try inspect(store) { finding in
      let line = isJSON ? json(of: finding).text() : text(of: finding, below: store.root)
      ToolOutput.show(line + "\n")
    }
    let summary = isJSON ? json(of: outcome).text() : text(of: outcome)
    ToolOutput.show(summary + "\n")
    if outcome.problems > 0 {
      throw CommandFailure(.failure, "the store \(store.root) has \(outcome.problems) problems")
    }
  }

  /// What a check came to.
  struct Outcome {
    var totals = StoreTotals()
    var problems = 0
    var notes = 0
    /// The kinds of the problems.
    var kinds: Set<StoreFinding.Kind> = []

    mutating func add(_ finding: StoreFinding) {
      if finding.severity == .problem {
        problems += 1
        kinds.insert(finding.kind)
      } else {
        notes += 1
      }
    }
  }

  /// Looks through a store.
  static func inspect(
    _ store: ClosedStore, show: @escaping (StoreFinding) -> Void
  ) throws(CommandFailure) -> Outcome {
    var outcome = Outcome()
    let inspection = StoreInspection(disk: store.disk, settings: store.settings, index: store.index) { finding in
      outcome.add(finding)
      show(finding)
    }
    do throws(DiskError) {
      try inspection.run()
    } catch {
      throw store.failure(error)
    }
    for finding in configuration(of: store) {
      outcome.add(finding)
      show(finding)
    }
    outcome.totals = inspection.totals
    return outcome
  }

  private static func configuration(of store: ClosedStore) -> [StoreFinding] {
    let path = store.root + "/config"
    do throws(ConfigFileError) {
      let stored = try ConfigStore.load(root: store.root, disk: store.disk)
      return stored.fallbacks.map { StoreFinding(.note, .config, path: path, $0) }
    } catch {
      return [StoreFinding(.problem, .config, path: path, "\(error)")]
    }
  }

  // MARK: Texts

  static func text(of finding: StoreFinding, below root: String) -> String {
    let path = finding.path.hasPrefix(root + "/") ? String(finding.path.dropFirst(root.count + 1)) : finding.path
    let place = finding.offset.map { " at \($0)" } ?? ""
    return "\(finding.severity.rawValue) \(finding.kind.rawValue): \(path)\(place): \(finding.text)"
  }

  static func json(of finding: StoreFinding) -> JSONValue {
    var members = [
      JSONMember("severity", .string(finding.severity.rawValue)),
      JSONMember("kind", .string(finding.kind.rawValue)), JSONMember("path", .string(finding.path)),
    ]
    if let offset = finding.offset { members.append(JSONMember("offset", .integer(offset))) }
    members.append(JSONMember("text", .string(finding.text)))
    return .object(members)
  }

  private static func text(of outcome: Outcome) -> String {
    let totals = outcome.totals
    return """
      log: \(totals.records) messages, \(totals.recordBytes) bytes, \(totals.logFiles) files, \
      \(totals.logStart) to \(totals.logEnd)
      queues: \(totals.queues), \(totals.entries) entries
      index: \(totals.indexFiles) files, \(totals.keys) keys
      last stop: \(totals.wasClosed ? "in order" : "not in order, the next start recovers")
      \(outcome.problems) problems, \(outcome.notes) notes
      """
  }

  private static func json(of outcome: Outcome) -> JSONValue {
    let totals = outcome.totals
    let numbers: [(String, Int64)] = [
      ("messages", Int64(totals.records)), ("bytes", Int64(totals.recordBytes)), ("logFiles", Int64(totals.logFiles)),
      ("logStart", totals.logStart.rawValue), ("logEnd", totals.logEnd.rawValue), ("queues", Int64(totals.queues)),
      ("entries", Int64(totals.entries)), ("indexFiles", Int64(totals.indexFiles)), ("keys", Int64(totals.keys)),
      ("problems", Int64(outcome.problems)), ("notes", Int64(outcome.notes)),
    ]
    var members: [JSONMember] = []
    for (name, number) in numbers { members.append(JSONMember(name, .integer(number))) }
    members.append(JSONMember("closedInOrder", .bool(totals.wasClosed)))
    return .object(members)
  }
}
