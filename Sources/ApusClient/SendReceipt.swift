public import ApusModel

/// What the broker answered to a send: the message is stored, as safely as ``status`` says.
public struct SendReceipt: Hashable, Sendable {
  /// How far the broker got before its time limit.
  public enum Status: String, Hashable, Sendable {
    /// As safe as the broker's mode promises (SEND_OK).
    case stored = "SEND_OK"
    /// In memory; the disk took longer than the broker's `syncFlushTimeout` (FLUSH_DISK_TIMEOUT).
    case flushTimedOut = "FLUSH_DISK_TIMEOUT"
    /// On the master; the replica took longer than the broker's `slaveTimeout` (FLUSH_SLAVE_TIMEOUT).
    case replicaTimedOut = "FLUSH_SLAVE_TIMEOUT"
    /// On the master; there was no replica near enough (SLAVE_NOT_AVAILABLE).
    case replicaNotAvailable = "SLAVE_NOT_AVAILABLE"
  }

  /// How safe the message is.
  public var status: Status
  /// The id that the producer gave the message (UNIQ_KEY); of a batch all, separated by commas.
  public var messageID: String
  /// The id that the broker gave it, which tells where it is stored; of a batch all, separated by commas.
  public var offsetMessageID: String
  /// The queue that it lies in.
  public var queue: MessageQueue
  /// The place in the queue, from 0; of a batch the first one's.
  public var queueOffset: Int64
  /// The id of the transaction; nil unless it is a half message.
  public var transactionID: String?
  /// The broker's `regionId`, which traces name; nil when it told none.
  public var region: String?
  /// Whether the broker wants messages to be traced.
  var isTraced = true
}
