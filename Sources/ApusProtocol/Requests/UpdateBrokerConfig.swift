import ApusBase

/// 25 UPDATE_BROKER_CONFIG: change settings while the broker runs.
public enum UpdateBrokerConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .updateBrokerConfig }

    /// The settings, a properties text.
    public var properties: String

    /// Puts a request together.
    public init(properties: String) {
      self.properties = properties
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      properties = request.body.text
    }

    /// The body.
    public var body: [UInt8] { Array(properties.utf8) }
  }
}
