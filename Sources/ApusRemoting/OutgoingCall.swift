package import ApusBase
package import ApusProtocol

/// A request to a peer and whoever waits for its answer. Everything is called on the loop of the client it is given to:
/// `encode`, and then either `answered` or `failed`, once, unless the call is given up.
package protocol OutgoingCall: AnyObject, Sendable {
  /// What the client knows of the call; a new one at first.
  var progress: CallProgress { get set }

  /// Writes the request's frame under the id it is given.
  func encode(_ id: RequestID, into output: inout ByteWriter)

  /// Reads the answer where it lies.
  func answered(_ answer: borrowing Request)

  /// There will be no answer.
  func failed(_ error: CallError)
}

/// How far a call is; the client's own.
package struct CallProgress {
  var isCancelled = false
  var id: RequestID?
  var connection: Connection?

  /// A call that has not begun.
  package init() {}
}

/// A call made of closures.
package final class ClosureCall: OutgoingCall, @unchecked Sendable {
  package var progress = CallProgress()
  private let encoder: RemotingClient.Encoder
  private let reader: @Sendable (borrowing Request) -> Void
  private let failure: @Sendable (CallError) -> Void

  /// Makes a call.
  package init(
    encode: @escaping RemotingClient.Encoder, answered: @escaping @Sendable (borrowing Request) -> Void,
    failed: @escaping @Sendable (CallError) -> Void
  ) {
    (encoder, reader, failure) = (encode, answered, failed)
  }

  package func encode(_ id: RequestID, into output: inout ByteWriter) { encoder(id, &output) }
  package func answered(_ answer: borrowing Request) { reader(answer) }
  package func failed(_ error: CallError) { failure(error) }
}

/// A call of the loop itself.
final class CompletionCall: OutgoingCall, @unchecked Sendable {
  var progress = CallProgress()
  private let completion: (Result<Command, CallError>) -> Void

  init(_ completion: @escaping (Result<Command, CallError>) -> Void) { self.completion = completion }

  func encode(_ id: RequestID, into output: inout ByteWriter) {}
  func answered(_ answer: borrowing Request) { completion(.success(Command(copying: answer))) }
  func failed(_ error: CallError) { completion(.failure(error)) }
}
