/// Why a call of the client failed, and what can be done.
public struct ClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure it is. Errors are equal when their codes are.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The kind's name.
    public let rawValue: String

    /// Names a kind.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A setting, name or argument cannot be used; nothing was sent.
    public static let invalidArgument = Code(rawValue: "invalid argument")
    /// The message is larger than the client accepts, or than the broker does (code 13, when it gives that reason).
    public static let messageTooLarge = Code(rawValue: "message too large")
    /// A subscription's expression cannot be read.
    public static let badExpression = Code(rawValue: "bad expression")
    /// No name server is known, or none answered.
    public static let noNameServer = Code(rawValue: "no name server")
    /// No name server knows the topic, or the broker does not have it (code 17).
    public static let unknownTopic = Code(rawValue: "unknown topic")
    /// The topic has no queue that may be used: no write permission, or no master at present.
    public static let noQueue = Code(rawValue: "no queue")
    /// There is no connection to the server.
    public static let unreachable = Code(rawValue: "unreachable")
    /// The connection broke before the answer came: it is not known whether the request took effect.
    public static let connectionLost = Code(rawValue: "connection lost")
    /// No answer came in time: it is not known whether the request took effect.
    public static let timedOut = Code(rawValue: "timed out")
    /// The server refused; ``ClientError/responseCode`` says with which code.
    public static let refused = Code(rawValue: "refused")
    /// The server may not be asked for this by this client: access control, or a permission of the topic (code 16).
    public static let noPermission = Code(rawValue: "no permission")
    /// The server has too much to do at present (code 2): nothing was stored.
    public static let busy = Code(rawValue: "busy")
    /// The calling task was cancelled: it is not known whether the request took effect.
    public static let cancelled = Code(rawValue: "cancelled")
    /// The client has been shut down.
    public static let closed = Code(rawValue: "closed")
    /// The server's answer cannot be read.
    public static let badAnswer = Code(rawValue: "bad answer")
    /// This machine refused something: a file, a thread, a descriptor.
    public static let system = Code(rawValue: "system")

    /// The kind's name.
    public var description: String { rawValue }
  }

  /// The kind of failure.
  public var code: Code
  /// What happened: a sentence for people, which may change.
  public var message: String
  /// RocketMQ's response code; nil when no server answered.
  public var responseCode: Int32?
  /// The server that was asked last, `host:port` or a broker's name; nil when none was.
  public var server: String?
  /// What was tried before, in order: a line for each try, with its server and what came of it.
  public var attempts: [String] = []
  /// What the caller can do about it; nil where there is nothing more to say.
  public var advice: String?
  /// The error that led to it; nil for none.
  public var cause: (any Error)?

  /// Describes a failure.
  public init(
    _ code: Code, _ message: String, responseCode: Int32? = nil, server: String? = nil, attempts: [String] = [],
    advice: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.responseCode = responseCode
    self.server = server
    self.attempts = attempts
    self.advice = advice
    self.cause = cause
  }

  /// Equal codes make equal errors.
  public static func == (left: ClientError, right: ClientError) -> Bool { left.code == right.code }

  /// Hashes the code.
  public func hash(into hasher: inout Hasher) { hasher.combine(code) }

  /// All that is known, in one paragraph.
  public var description: String {
    var text = "\(code): \(message)"
    if let server { text += " (\(server)" + (responseCode.map { ", code \($0))" } ?? ")") }
    if !attempts.isEmpty { text += "; tried before: " + attempts.joined(separator: "; ") }
    if let advice { text += ". \(advice)" }
    return text
  }
}
