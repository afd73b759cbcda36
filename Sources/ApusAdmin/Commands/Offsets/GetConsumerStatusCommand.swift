import ApusCommandLine
import ApusModel
import ApusProtocol

/// `getConsumerStatus`: the offsets as the members of a group have them.
struct GetConsumerStatusCommand: AdminCommand {
  static let description = admin(
    "getConsumerStatus", "Show the offsets that a group's members have themselves.",
    options: [
      CommonOption.group("group"), CommonOption.topic(),
      Option("originClientId", "i", value: "ID", help: "Only this member."),
    ])

  static let table = Table(
    "%-50.50s  %-15s  %-15s  %-20s",
    [
      .init("#clientId", "clientId"), .init("#brokerName", "brokerName"), .init("#queueId", "queueId"),
      .init("#offset", "offset"),
    ])

  private let group: String
  private let topic: String
  private let clientID: String?

  init(_ arguments: Arguments) throws(CommandFailure) {
    group = try arguments.required("group")
    topic = try arguments.required("topic")
    clientID = arguments.trimmed("originClientId")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let route = try await session.client.route(of: topic)
    let answer = try await session.client.firstAnswer(of: route.brokers) { address throws(AdminError) in
      try await session.client.memberOffsets(of: group, topic: topic, clientID: clientID, at: address)
    }
    guard let status = answer else { throw AdminError("the topic '\(topic)' has no broker") }
    session.say(
      "get consumer status from client. group=\(group), topic=\(topic), originClientId=\(clientID ?? "")")
    session.begin(Self.table)
    for client in status.clients.sorted(by: { $0.id < $1.id }) {
      for entry in client.offsets.entries.sorted(by: { $0.queue < $1.queue }) {
        session.row(
          Self.table,
          [.text(client.id), .text(entry.queue.brokerName), Cell(entry.queue.queueID), Cell(entry.offset)])
      }
    }
  }
}
