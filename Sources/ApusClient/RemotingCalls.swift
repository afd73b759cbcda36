import ApusProtocol
import ApusRemoting
import ApusSystem

extension RemotingClient {
  /// Asks a server and waits for its answer, whatever its code.
  func ask(
    _ address: SocketAddress, named server: String, _ code: RequestCode, fields: [ReplyField], body: [UInt8],
    type: HeaderType, language: Language = .java, timeout: Duration
  ) async throws(ClientError) -> Command {
    let pending = PendingAnswer<Result<Command, ClientError>>()
    let call = ClosureCall(
      encode: { id, output in
        let header = CommandHeader(code: code.rawValue, language: language, id: id, type: type)
        var writer = RequestWriter.begin(header, into: &output)
        for field in fields { writer.field(named: field.name, field.value, into: &output) }
        writer.finish(body: body, into: &output)
      },
      answered: { pending.resolve(.success(Command(copying: $0))) },
      failed: { pending.resolve(.failure(ClientError($0, server: server))) })
    self.call(address, timeout: timeout, call)
    return try await pending.value(ifCancelled: .failure(.cancelled), onCancel: { self.cancel(call) }).get()
  }
}

extension ClientError {
  /// A call to a server has no answer.
  init(_ error: CallError, server: String) {
    switch error {
    case .timedOut: self.init(.timedOut, "no answer came in time", server: server)
    case .closed: self.init(.connectionLost, "the connection was closed before the answer came", server: server)
    case .ended: self = .ended
    case .unreachable(let reason): self.init(.unreachable, reason, server: server)
    }
  }

  /// A server refused a request.
  init(refusal answer: Command, server: String) {
    self.init(ResponseCode(answer.header.code), remark: answer.remark, server: server)
  }

  /// A server refused a request with a code and a reason.
  init(_ code: ResponseCode, remark: String?, server: String) {
    // Brokers have no code of their own for what access control refuses.
    if code == .systemError, let remark, remark.contains("AclException") {
      self.init(
        .noPermission, remark, responseCode: code.rawValue, server: server,
        advice: "Check the credentials, and what the account may do at the broker.")
      return
    }
    let kind: Code =
      switch code {
      case .noPermission: .noPermission
      case .topicNotExist: .unknownTopic
      case .systemBusy, .flowControl: .busy
      case .messageIllegal where Self.isOfSize(remark ?? ""): .messageTooLarge
      case .subscriptionParseFailed: .badExpression
      default: .refused
      }
    let advice =
      kind == .messageTooLarge
      ? "Check the message's size and properties against the broker's limits." : Self.advice(code, remark ?? "")
    self.init(kind, remark ?? "\(code)", responseCode: code.rawValue, server: server, advice: advice)
  }

  /// Whether a broker calls a message illegal for its size, as what it says of it tells: code 13 has other reasons,
  /// such as a time of delivery that lies too far away.
  private static func isOfSize(_ remark: String) -> Bool {
    ["maxMessageSize", "properties take", "body or properties length", "mappedFileSizeCommitLog"].contains {
      remark.contains($0)
    }
  }

  /// What can be done about a refusal; nil where what the broker says of it tells.
  private static func advice(_ code: ResponseCode, _ remark: String) -> String? {
    switch code {
    // Of who may administer, and of settings that no request changes: topics and accounts have no part in either.
    case .noPermission where remark.contains("adminAllow") || remark.contains("black list"): nil
    case .topicNotExist: "Create the topic, or let the broker make it on the first send (autoCreateTopicEnable)."
    case .noPermission: "Check the topic's permission and, where access is controlled, the account's."
    case .systemBusy, .flowControl: "Send less, or later."
    case .subscriptionGroupNotExist: "Create the group, or let the broker make it (autoCreateSubscriptionGroup)."
    case .subscriptionParseFailed: "Check the tags or the condition of the subscription."
    default: nil
    }
  }
}
