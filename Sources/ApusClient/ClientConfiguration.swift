/// Settings that producers and consumers share. Each names RocketMQ's key (of its ClientConfig) and, in parentheses,
/// the default, which is RocketMQ's unless said otherwise. What cannot be used makes ``MessageClient/init(_:)`` throw,
/// as intervals and time limits that are not more than 0.
public struct ClientConfiguration: Sendable {
  /// How requests' headers are written.
  public enum HeaderFormat: Sendable {
    /// JSON, which every broker reads.
    case json
    /// RocketMQ's binary form (`ROCKETMQ`), smaller and faster.
    case binary
  }

  /// Which service the brokers belong to.
  public enum AccessChannel: Sendable {
    /// LOCAL: brokers of one's own.
    case local
    /// CLOUD: a cloud's. Traces go to a topic for each region.
    case cloud
  }

  /// `namesrvAddr`: the name servers, each `host:port`, or several in a text with semicolons or commas between, as Java
  /// takes them. Empty means those of the environment (`NAMESRV_ADDR`), and when there are none, those that
  /// ``addressServer`` tells.
  public var nameServers: [String]
  /// `clientIP` (nil): this machine's address as it stands in the client id; nil for the first that is not loopback.
  public var clientIP: String?
  /// `instanceName` ("DEFAULT"): tells clients of one machine apart. "DEFAULT" stands for the process id and the time,
  /// so that every client differs.
  public var instanceName = "DEFAULT"
  /// `namespace` (none): put in front of the names of topics and groups, and taken away from those that come back.
  public var namespace = ""
  /// `unitName` (none): the unit of a deployment, added to the client id.
  public var unitName = ""
  /// `unitMode` (false): whether consumers say that they belong to a unit.
  public var unitMode = false
  /// `accessChannel` (`LOCAL`): which service the brokers belong to.
  public var accessChannel = AccessChannel.local
  /// `pollNameServerInterval` (30 s): how often routes are asked for anew.
  public var pollNameServerInterval = Duration.seconds(30)
  /// `rocketmq.client.rebalance.waitInterval` (20 s): how often consumers share queues out anew although nothing told
  /// them to.
  public var rebalanceInterval = Duration.seconds(20)
  /// `heartbeatBrokerInterval` (30 s): how often brokers are told who is there. They forget a client after 120 s.
  public var heartbeatBrokerInterval = Duration.seconds(30)
  /// `persistConsumerOffsetInterval` (5 s): how often push consumers commit their offsets. Pull consumers have
  /// ``PullConsumerConfiguration/commitInterval``.
  public var persistConsumerOffsetInterval = Duration.seconds(5)
  /// `pullTimeDelayMillsWhenException` (1 s): the pause after a pull that failed.
  public var pullDelayAfterError = Duration.seconds(1)
  /// The account at brokers that control access (nil: nothing is signed). Java takes it as an `AclClientRPCHook`.
  public var credentials: ClientCredentials?
  /// `enableStreamRequestType` (false; Java's pull consumers set it): marks every request as one of a stream (`ReqT`)
  /// and the client id by `@STREAM`.
  public var marksStreamRequests = false
  /// `rocketmq.client.localOffsetStoreDir` (nil): where consumers of broadcast messages keep how far they are, each in
  /// `CLIENT/GROUP/offsets.json`; nil for `.rocketmq_offsets` in the home directory. CLIENT is this machine's address,
  /// `instanceName` and unit: two processes at once need an `instanceName` each.
  public var localOffsetDirectory: String?
  /// `vipChannelEnabled` (false): whether sends and other requests go to the broker's second listener, two below its
  /// port. Pulls and what says who the client is go to the usual port all the same.
  public var vipChannelEnabled = false
  /// `mqClientApiTimeout` (3 s): the time limit of requests that are neither sends nor pulls.
  public var requestTimeout = Duration.seconds(3)
  /// `connectTimeoutMillis` (3 s): the time limit of connecting. A TLS handshake has ten seconds more. What waits for
  /// the connection keeps its own limit.
  public var connectTimeout = Duration.seconds(3)
  /// `rocketmq.serialize.type` (`JSON`): the form of requests' headers.
  public var headerFormat = HeaderFormat.json
  /// Who tells where name servers are when neither ``nameServers`` nor the environment do (nil: nobody). Java asks
  /// ``AddressServer/init(domain:subgroup:)`` with its defaults.
  public var addressServer: AddressServer?
  /// Takes the client's figures (nil: nothing is counted). Java has no counterpart.
  public var metrics: (any ClientMetrics)?
  /// `useTLS` (nil: plain connections): how connections to name servers and brokers are encrypted.
  public var tls: TLSConfiguration?

  /// Settings with RocketMQ's defaults.
  public init(nameServers: [String] = []) { self.nameServers = nameServers }
}
