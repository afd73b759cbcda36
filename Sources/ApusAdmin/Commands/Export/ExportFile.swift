import ApusBase
import ApusCommandLine
import ApusProtocol

/// The file that an export goes to.
struct ExportFile: Hashable, Sendable {
  private let directory: String

  static let option = Option(
    "filePath", "f", value: "DIR", help: "The directory of the file (/tmp/rocketmq/export).")

  init(_ arguments: Arguments) { directory = arguments.trimmed("filePath") ?? "/tmp/rocketmq/export" }

  /// Writes a document and says where it is. With a `failure` of brokers the file holds what the others told: then that
  /// is said on standard error, not that it is a success, and the failure is thrown.
  func write(
    _ document: JSONValue, name: String, failure: AdminError? = nil, _ session: AdminSession
  ) throws(AdminError) {
    let path = "\(directory)/\(name)"
    try session.write(document.bytes(.pretty), to: path)
    if let failure {
      session.warn("\(path) holds only what the other brokers told")
      throw failure
    }
    session.say("export \(path) success", ["file": .text(path)])
  }
}

extension AdminSession {
  /// Asks the master of each broker group of a cluster. Groups without one, and masters that fail, are named on
  /// standard error and in `failure`. Throws when none answers: then there is nothing to export.
  func gather<Answer: Sendable>(
    fromMastersOf cluster: String, _ ask: (BrokerData, String) async throws(AdminError) -> Answer
  ) async throws(AdminError) -> (answers: [Answer], failure: AdminError?) {
    let info = try await client.clusterInfo(of: cluster)
    let (addresses, withoutMaster) = try info.addresses(of: cluster, .masters, self)
    let groups = try info.groups(of: cluster)
    let (answers, failure) = await gather(from: addresses) { address throws(AdminError) -> Answer? in
      guard let group = groups.first(where: { $0.masterAddress == address }) else { return nil }
      return try await ask(group, address)
    }
    if answers.isEmpty, let failure { throw failure }
    return (answers.compactMap { $0 }, failure ?? withoutMaster)
  }
}

extension JSONValue {
  /// An object of named values.
  static func fields(_ fields: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(fields.map { JSONMember($0.key, $0.value) })
  }

  /// A text, or null for none.
  static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
