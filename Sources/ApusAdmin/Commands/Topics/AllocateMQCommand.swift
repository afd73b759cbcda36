import ApusBase
import ApusClientCore
import ApusCommandLine
import ApusModel

/// `allocateMQ`: how the averaging strategy would share a topic's queues among clients.
struct AllocateMQCommand: AdminCommand {
  static let description = admin(
    "allocateMQ", "Show how a topic's queues would be shared among clients.",
    options: [
      CommonOption.topic(),
      Option("ipList", "i", value: "IP,IP…", required: true, help: "The clients, in the order in which they sort."),
    ])

  private let topic: String
  private let clients: [String]

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    clients = try arguments.required("ipList").split(separator: ",").map(String.init)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let data = try await session.client.route(of: topic)
    let queues: [MessageQueue]
    do throws(DecodeError) {
      queues = try TopicRoute(topic: topic, data).readQueues
    } catch {
      throw AdminError(error, from: "the name server")
    }
    let shares = clients.map { client in
      JSONMember(
        client,
        .array(AllocationStrategy.average.allocate(queues, among: clients, to: client).map(\.json)))
    }
    let result = JSONValue.object([JSONMember("result", .object(shares))])
    session.show(result, as: result.text())
  }
}
