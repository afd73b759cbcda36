import ApusBase
import ApusProtocol

/// Limits of connections. Sizes in bytes.
package struct RemotingSettings: Sendable {
  /// The longest frame, with its length field, that is read.
  package var frameLimit = Frame.defaultLimit
  /// How much of requests that are not whole yet, or may not go on yet, the process holds.
  package var inboundBudget = 256 << 20
  /// The same for one connection. Frames longer than this are refused as those beyond `frameLimit` are.
  package var connectionInboundBudget = 32 << 20
  /// How much of answers that peers do not fetch the process holds before it stops reading from those peers.
  package var outboundBudget = 256 << 20
  /// From how much unsent output on a connection is not read any more…
  package var outputHighMark = 1 << 20
  /// …and down to how much it must be sent until it is read again.
  package var outputLowMark = 256 << 10
  /// How long a header may take from its frame's first byte.
  package var headerDeadline = Duration.seconds(10)
  /// How long a frame may take from its first byte.
  package var bodyDeadline = Duration.seconds(60)
  /// How long a TLS handshake may take from its first byte.
  package var handshakeDeadline = Duration.seconds(10)
  /// How long output may wait without the peer fetching any of it.
  package var sendDeadline = Duration.seconds(60)
  /// How long what was sent over a connection that this process made may stay unacknowledged. The peer's machine may
  /// be gone without a word, or a firewall have forgotten the connection; a new one may do at once, and the next call
  /// makes it. A peer that only answers slowly acknowledges all the same.
  package var unacknowledgedLimit = Duration.seconds(30)
  /// After how long without bytes in either direction a connection is closed; Java's serverChannelMaxIdleTimeSeconds.
  package var idleLimit = Duration.seconds(120)
  /// How long a connection that is refused stays open for the peer to read why.
  package var lingerLimit = Duration.seconds(1)
  /// How many connections may be open at once, on all ports together; further ones wait in the kernel.
  package var connectionLimit = Int.max
  /// How long no connection is taken after the process ran out of descriptors, or has as many as it may.
  package var acceptPause = Duration.milliseconds(100)
  /// The kernel's buffers of a connection; 0 leaves them to the system, as Java does.
  package var socketSendBuffer: Int32 = 0
  /// See `socketSendBuffer`.
  package var socketReceiveBuffer: Int32 = 0
  /// How many connections may wait to be taken; Java's serverSocketBacklog.
  package var backlog: Int32 = 1024

  /// The defaults.
  package init() {}

  /// The longest frame that any connection may send.
  var effectiveFrameLimit: Int { min(frameLimit, connectionInboundBudget, inboundBudget / 2) }
}
