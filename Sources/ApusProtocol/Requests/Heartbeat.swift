/// 34 HEART_BEAT: a client says that it lives and which groups it is in.
public enum Heartbeat {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .heartbeat }

    /// The client.
    public var data: HeartbeatData

    /// Puts a request together.
    public init(data: HeartbeatData) {
      self.data = data
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      data = try request.json(HeartbeatData.self)
    }

    /// The body.
    public var body: [UInt8] { data.bytes() }
  }
}
