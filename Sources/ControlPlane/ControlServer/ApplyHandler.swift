import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import NIOCore

/// Many documents in one transaction, read while they arrive.
struct ApplyHandler: Sendable {
  let resources: ResourceService

  func apply(_ request: ControlRequest) throws(Problem) -> Response {
    let dryRun = try request.query(allowing: ["dryRun"]).flag("dryRun")
    let body = request.http.body
    return Response(
      status: .ok,
      headers: [.contentType: MediaType.ndjson.rawValue, .cacheControl: "no-store"],
      body: ResponseBody { writer in
        // The status is long sent when all is known, so the last line says how it ended.
        let last: ApplyLine
        do throws(Problem) {
          let documents = try await read(body, &writer)
          last = try await outcome(of: documents, by: request.context, dryRun: dryRun)
        } catch {
          await request.refusals.note(error, request)
          last = .problem(error)
        }
        try await writer.write(ByteBuffer(bytes: last.form.line))
        try await writer.finish(nil)
      })
  }

  @concurrent
  private func read(_ body: RequestBody, _ writer: inout any ResponseBodyWriter)
    async throws(Problem) -> [ApplyDocument]
  {
    var splitter = LineSplitter(limit: Limits.maximumDocumentBytes)
    var documents: [ApplyDocument] = []
    var reported = 0
    do {
      for try await buffer in body {
        for line in try splitter.feed(buffer.readableBytesView) {
          try take(line, into: &documents)
        }
        if documents.count - reported >= Limits.documentsPerProgress {
          reported = documents.count
          try await writer.write(ByteBuffer(bytes: ApplyLine.progress(read: reported).form.line))
        }
      }
    } catch let problem as Problem {
      throw problem
    } catch is LineSplitter.TooLong {
      throw Problem(
        .contentTooLarge, "the document is larger than \(Limits.maximumDocumentBytes) bytes",
        index: documents.count)
    } catch {
      throw Problem(.badRequest, "the body did not arrive")
    }
    if let line = splitter.finish() { try take(line, into: &documents) }
    return documents
  }

  private func take(_ line: [UInt8], into documents: inout [ApplyDocument]) throws(Problem) {
    let index = documents.count
    guard index < Limits.maximumBatchDocuments else {
      throw Problem(
        .contentTooLarge, "at most \(Limits.maximumBatchDocuments) documents at a time")
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: line)
    } catch {
      throw Problem(error, index: index)
    }
    documents.append(try resources.document(value, index: index))
  }

  private func outcome(
    of documents: [ApplyDocument], by context: WriteContext, dryRun: Bool
  ) async throws(Problem) -> ApplyLine {
    let result = try await resources.apply(documents, by: context, dryRun: dryRun)
    var outcomes: [ApplyOutcome] = []
    for (index, outcome) in result.outcomes.enumerated() {
      guard let record = outcome.current ?? outcome.previous else { continue }
      outcomes.append(
        ApplyOutcome(
          index: index, id: record.resource.id, action: outcome.action,
          before: dryRun ? outcome.previous?.resource.value : nil,
          after: dryRun ? outcome.current?.resource.value : nil))
    }
    return .result(revision: result.revision, outcomes)
  }
}
