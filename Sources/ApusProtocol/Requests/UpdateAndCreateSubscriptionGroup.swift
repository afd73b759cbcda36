import ApusBase
public import ApusModel

/// 200 UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: make a consumer group or change it.
public enum UpdateAndCreateSubscriptionGroup {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .updateAndCreateSubscriptionGroup }

    /// The group.
    public var config: SubscriptionGroupConfig

    /// Puts a request together.
    public init(config: SubscriptionGroupConfig) {
      self.config = config
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      do throws(DecodeError) {
        config = try SubscriptionGroupConfig(json: try JSONParser.parse(request.body))
      } catch {
        throw Refusal(.systemError, "the body cannot be read: \(error)")
      }
    }

    /// The body.
    public var body: [UInt8] { config.json.bytes() }
  }
}
