import ApusBrokerCore
import ApusProtocol
import ApusRemoting
import ApusSystem

/// Finds the consumers that requests are passed on to.
struct RelayTargets: Sendable {
  /// V3_1_8_SNAPSHOT: older clients know neither 307 nor 309.
  static let oldestVersion: Int32 = 62
  /// How long a consumer may take.
  static let timeout = Duration.seconds(10)

  let clients: Locked<ClientTable>

  /// The request passed on to one consumer of a group, and its answer back as it is.
  func relay(
    _ code: RequestCode, to clientID: String, of group: String, fields: [ReplyField], body: [UInt8]
  ) throws(Refusal) -> Relay {
    let found = clients.withLock { clients in
      clients.consumer(clientID: clientID, group: group).flatMap { number in
        clients.client(on: number).map { (number, $0.version) }
      }
    }
    guard let (connection, version) = found else {
      throw Refusal(.systemError, "The Consumer <\(group)> <\(clientID)> not online")
    }
    guard version >= Self.oldestVersion else {
      throw Refusal(
        .systemError,
        "The Consumer <\(group)> <\(clientID)> Version <\(version)> too low to finish, please upgrade it to "
          + "V3_1_8_SNAPSHOT")
    }
    let call = ClientCall(connection: connection, code: code, fields: fields, body: body)
    return Relay([call], timeout: Self.timeout) { outcomes in
      switch outcomes[0] {
      case .success(let answer):
        Reply(answer.responseCode, remark: answer.remark, fields: answer.fields ?? [], body: answer.body)
      case .failure(.timedOut):
        Reply(
          .consumeMessageTimeout, remark: "consumer <\(group)> <\(clientID)> Timeout: no answer within 10 seconds")
      case .failure(let error):
        Reply(.systemError, remark: "invoke consumer <\(group)> <\(clientID)> Exception: \(error)")
      }
    }
  }
}
