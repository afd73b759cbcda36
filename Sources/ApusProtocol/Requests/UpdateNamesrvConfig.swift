import ApusBase

/// 318 UPDATE_NAMESRV_CONFIG: change settings while the name server runs.
public enum UpdateNamesrvConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .updateNamesrvConfig }

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
