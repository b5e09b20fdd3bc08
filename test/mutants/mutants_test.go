package mutants

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"altavoz/test/repo"
)

// mutant is a safeguard that is taken out of the code, and the named test that must miss it. CONTRIBUTING.md says how to
// add one.
type mutant struct {
	marker string // the comment //mutant:marker in the code
	change change
	test   string
	in     string // the package of the test, from the root of the module; empty: that of the marker
}

func (m mutant) pkg(packages map[string]string) string {
	if m.in != "" {
		return m.in
	}
	return packages[m.marker]
}

const (
	// mutantTime is what the tests of one mutant may take; they need seconds.
	mutantTime = time.Minute
	// mutantBuild is what building the tests of the packages with all the mutants in them may take.
	mutantBuild = 3 * time.Minute
)

// mutants are the safeguards behind "never lost, never twice" (DESIGN.md): the lease, what a revoked partition may not do
// any more, what the next owner reads, what it remembers, the maximum, and the watch over what others write. Each of them
// could be lost by one careless line.
func mutants() []mutant {
	return []mutant{
		// The lease: no call, and no send, before a commit has said that it is started.
		{
			marker: "calls-wait-for-their-commit",
			change: whole("var refused map[stream.TopicPartition]error\nvar err error\nst.running.Go(func() { _, _ = st.tryCommit(c) })"),
			test:   "TestNoCallBeforeCommit",
		},
		{marker: "refused-commit-calls-nobody", change: makeFalse(), test: "TestRefusedCommitCallsNobodyAndIsTriedAgain"},
		// The data budget: nothing is trimmed that somebody needs, and a full one takes nothing.
		{marker: "nothing-above-the-watermark-is-trimmed", change: drop(), test: "TestNothingThatIsNeededIsTrimmed", in: "app/budget"},
		{marker: "young-sends-are-kept", change: value("budget.DoneSends(l)"), test: "TestOnlySendsThatAreDoneAndOldAreTrimmed", in: "app/trimming"},
		{marker: "unfinished-work-is-not-trimmed", change: value("min(most, first+1)"), test: "TestNothingThatIsNeededIsTrimmed", in: "app/budget"},
		{marker: "a-log-keeps-its-last-record", change: value("l.End"), test: "TestNothingThatIsNeededIsTrimmed", in: "app/budget"},
		{marker: "the-list-of-a-retry-is-not-trimmed", change: value("min(u.accepted, p.GetAcceptedMs())"), test: "TestAnUnfinishedRetryNeedsTheListOfTheFirstTask", in: "app/budget"},
		{marker: "a-full-budget-takes-no-broadcast", change: makeFalse(), test: "TestAFullBudgetRefusesBroadcastsUntilThereIsRoom", in: "app/budget"},
		{marker: "tasks-are-learnt-after-the-watermarks", change: drop(), test: "TestATaskThatIsCommittedMeanwhileIsNotTrimmed"},
		{marker: "a-full-budget-is-refused-before-the-body", change: makeFalse(), test: "TestAFullDataBudgetRefusesBroadcastsAndRetries"},
		{marker: "few-slots-shorten-the-gap", change: makeFalse(), test: "TestCallGap"},
		{marker: "a-free-slot-is-taken-at-once", change: operandWith("full", "true"), test: "TestNumberWithoutALimitStartsGroups", in: "processor/sender"},
		{marker: "few-calls-of-bulk-are-not-of-express", change: operandWith("lane", "true"), test: "TestEveryPhoneOfADirectBroadcastIsCalledAtOnceBesideBulk", in: "processor/sender"},
		{marker: "earlier-timer-stays", change: makeTrue(), test: "TestDueTimersComeInOrderAndOnce"},
		{marker: "the-fanout-does-not-wait-for-what-ended", change: makeFalse(), test: "TestFanoutLearnsSoonThatNothingIsInFlight"},
		{marker: "free-slots-start-as-many", change: value("0"), test: "TestFreeCallsOfANumberWithoutALimitAreUsedAtOnce", in: "processor/sender"},
		{marker: "number-without-anything-ready-is-not-runnable", change: value("true"), test: "TestBulkThatComesJustAfterAGroupWasStartedIsStarted", in: "processor/sender"},
		{marker: "an-outage-that-only-a-send-can-end-is-no-reason", change: makeFalse(), test: "TestAnOutageThatOnlyASendCanEndIsNotTheReason", in: "processor/sender"},
		{marker: "a-read-goes-where-no-send-does", change: value("p == ProbeRead"), test: "TestAnOutageEndsWithoutASend", in: "processor/sender"},
		{marker: "a-number-without-a-send-is-probed", change: makeFalse(), test: "TestAnOutageThatOnlyASendCanEndIsNotTheReason", in: "processor/sender"},
		{marker: "what-is-called-together-is-started-just-before", change: makeFalse(), test: "TestASlowNumberStartsItsCallsJustBeforeThem", in: "processor/sender"},
		{marker: "numbers-call-at-the-same-moments", change: value("after.Add(gap)"), test: "TestNextCalls"},
		{marker: "few-slots-are-taken-soon", change: value("false"), test: "TestFewSlotsAreTakenSoon"},
		{marker: "an-unlimited-number-starts-less", change: makeFalse(), test: "TestGroupSpan"},
		{marker: "a-trial-that-shows-nothing-is-undone", change: makeTrue(), test: "TestSimulatedNumberHasAsManyCallsAsMakeItFaster"},
		{marker: "bulk-has-few-calls-of-a-near-api", change: makeFalse(), test: "TestSimulatedNumberHasAsManyCallsAsMakeItFaster"},
		{marker: "statuses-keep-their-distance", change: makeFalse(), test: "TestEveryChangeIsWrittenInTime"},
		{marker: "upstream-records-wait-for-room", change: makeFalse(), test: "TestRecordsWaitForRoom"},
		// The message of one recipient: values are text, and stay where they are put.
		{marker: "value-is-not-read-again", change: value("v + after"), test: "TestAValueIsNotReadAgain"},
		{marker: "value-stays-in-its-part-of-a-link", change: whole("return v, ok"), test: "TestAValueStaysInItsPartOfALink"},
		{marker: "braces-are-text-without-variables", change: operandWith("GetVariables", "true"), test: "TestWithoutPlaceholdersNothingChanges"},
		{marker: "values-are-of-their-column", change: makeTrue(), test: "TestAListWithoutTheValuesIsRefused", in: "lists"},
		// A request with recipients: what is refused, and what is the same request.
		{marker: "a-changed-value-is-another-request", change: value("sum"), test: "TestEveryChangeIsAnotherRequest", in: "schemas/request"},
		{marker: "placeholder-without-any-value-is-refused", change: makeFalse(), test: "TestRefusedRecipients", in: "schemas/request"},
		{marker: "slice-of-personal-recipients-fits-a-record", change: makeFalse(), test: "TestRefusedRecipients", in: "schemas/request"},
		{marker: "personal-recipients-are-bounded", change: drop(), test: "TestPersonalRecipientsAreBounded", in: "schemas/request"},
		{marker: "one-list-a-request", change: makeFalse(), test: "TestRefusedRecipients", in: "schemas/request"},
		{marker: "same-file-is-kept-once", change: makeFalse(), test: "TestAFileOfSeveralRecipientsIsKeptOnce", in: "schemas/request"},
		{marker: "values-are-beside-their-phones", change: makeFalse(), test: "TestSliceHasValuesBesideItsPhones"},
		{marker: "retry-has-the-values-of-its-places", change: value("append(out.Personal, some.GetPersonal()[0])"), test: "TestPersonalRecipientsGetWhatIsTheirOwn", in: "processor/fanout"},
		{marker: "slices-have-a-known-size", change: makeFalse(), test: "TestListsThatDoNotFitTheirRecipientsFail", in: "processor/fanout"},
		{marker: "recipient-without-a-message-fails-alone", change: makeFalse(), test: "TestPersonalRecipientsGetWhatIsTheirOwn", in: "processor/fanout"},
		{marker: "personal-broadcast-waits-for-who-knows-it", change: makeFalse(), test: "TestPersonalRecordsHaveTheSecondVersion", in: "processor/fanout"},
		{marker: "unfilled-text-waits-for-who-fills-it", change: makeFalse(), test: "TestPersonalRecordsHaveTheSecondVersion", in: "processor/fanout"},
		{marker: "who-wrote-lately-proves-nothing-of-the-template", change: condition("m.Succeeded()"), test: "TestWhoWroteProvesNothingOfTheTemplate", in: "processor/fanout/canary"},
		{marker: "what-values-make-of-a-template-is-the-recipients", change: value("t.Predicts != nil && t.Predicts(code) && (filled || !filled)"), test: "TestWhatValuesMakeOfATemplateIsTheRecipientsOwnFault", in: "processor/fanout/canary"},
		{marker: "a-recipients-template-is-its-own", change: value("out.GetTemplate()"), test: "TestATemplateIsFilledForEachRecipient", in: "schemas/personal"},
		{marker: "an-empty-value-of-a-template-is-refused", change: makeFalse(), test: "TestValuesThatMetaRefusesAreRefused", in: "schemas/template/use"},
		{marker: "a-value-of-a-template-is-one-line", change: makeFalse(), test: "TestValuesThatMetaRefusesAreRefused", in: "schemas/template/use"},
		{marker: "values-of-a-template-fit-into-its-record", change: makeFalse(), test: "TestValuesOfATemplateFitIntoARecord", in: "schemas/template/use"},
		{marker: "a-template-of-a-request-is-bounded", change: makeFalse(), test: "TestATemplateOfARequestIsBounded", in: "schemas/template/use"},
		{marker: "a-template-goes-without-an-interactive-message", change: makeFalse(), test: "TestSchemaAndParserAgree", in: "schemas/request"},
		{marker: "template-waits-for-who-sends-it", change: makeFalse(), test: "TestContentsWithATemplateHaveTheSecondVersion"},
		{marker: "result-comes-after-what-finds-its-answers", change: makeFalse(), test: "TestAResultComesBehindWhatItsTapsAreFoundBy"},
		{marker: "taps-fit-a-record", change: value("byTask[task][from:]"), test: "TestATapsRecordIsBounded"},
		{marker: "index-of-messages-is-bounded", change: operandWith("each", "false"), test: "TestTheNewestMessagesAreKnownWithinABound"},
		{marker: "taps-do-not-wait-for-each-other", change: value("string(rec.Key)"), test: "TestTapsOfATaskDoNotWaitForEachOther"},
		{marker: "tap-is-a-recipients", change: makeTrue(), test: "TestTapsAreTold"},
		{marker: "tap-waits-for-the-view", change: value("nil, nil"), test: "TestTapsAreFoundOnceTheViewHasReadWhatWasThere"},
		{marker: "text-of-a-shape-has-its-limit", change: makeFalse(), test: "TestAShapeIsHeldToTheLimitsOfTheCloudAPI"},
		{marker: "one-thing-to-tap", change: makeFalse(), test: "TestAShapeIsHeldToTheLimitsOfTheCloudAPI"},
		{marker: "three-buttons", change: makeFalse(), test: "TestAShapeIsHeldToTheLimitsOfTheCloudAPI"},
		{marker: "ten-rows", change: makeFalse(), test: "TestAShapeIsHeldToTheLimitsOfTheCloudAPI"},
		{marker: "a-tap-is-known-by-its-id", change: makeFalse(), test: "TestAShapeIsHeldToTheLimitsOfTheCloudAPI"},
		{marker: "one-shape-a-recipient", change: makeFalse(), test: "TestRefusedRecipients", in: "schemas/request"},
		{marker: "other-buttons-are-another-request", change: drop(), test: "TestEveryChangeIsAnotherRequest", in: "schemas/request"},
		{marker: "own-list-goes-with-the-header-of-all", change: makeFalse(), test: "TestRefusedRecipients", in: "schemas/request"},
		{marker: "own-buttons-have-the-place-of-those-of-all", change: makeFalse(), test: "TestOwnButtonsHaveThePlaceOfThoseOfAll", in: "schemas/personal"},
		{marker: "own-buttons-are-answered", change: value("m.answers"), test: "TestTapsOnOwnButtonsAreFound", in: "processor/sender"},
		{marker: "answers-of-any-are-found", change: value("now, p.answers"), test: "TestTapsOnOwnButtonsAreFound", in: "processor/sender"},
		{marker: "one-shape-a-message", change: makeFalse(), test: "TestSchemaAndParserAgree"},
		{marker: "shape-has-no-link-button", change: makeTrue(), test: "TestSchemaAndParserAgree"},
		{marker: "a-recipients-buttons-are-its-own", change: value("out.GetShape()"), test: "TestAShapeIsFilledForEachRecipient"},
		{marker: "own-values-are-never-left-out", change: makeFalse(), test: "TestASendWithoutAMessageFailsAlone", in: "processor/sender"},
		{marker: "dry-run-keeps-a-bounded-part-of-values", change: makeFalse(), test: "TestSimulatedDryRunOfMuchKeepsABoundedPart", in: "producer/dryrun"},
		{marker: "refused-file-of-some-costs-only-them", change: operandWith("IsOwnFile", "true"), test: "TestOwnFilesAreResolvedOnceEach", in: "processor/fanout"},
		{marker: "own-file-that-is-gone-costs-only-who-has-it", change: makeFalse(), test: "TestOwnFileIsRenewedForWhoHasIt", in: "processor/sender"},
		{marker: "what-is-too-large-for-a-send-fails", change: makeFalse(), test: "TestAMessageIsMadeOfWhatAllHaveAndWhatIsItsOwn", in: "schemas/personal"},
		{marker: "slices-of-a-record-fit-their-records", change: makeFalse(), test: "TestWhatCantBePutInOrderSaysWhy", in: "processor/fanout/normalize"},
		{marker: "dispatched-with-its-own-values", change: value("cmp.Or(t.Slice.Own(t.Slice.First), &schemas.Personal{})"), test: "TestPersonalRecipientsGetWhatIsTheirOwn", in: "processor/fanout"},
		{
			marker: "each-send-has-its-own-text", change: whole("c, err := personal.Of(t.content, p)\nif err == nil {\nt.content = c\n}"),
			test: "TestEachSendHasItsOwnText", in: "processor/sender",
		},
		// A group is started before its turn: what is not called any more is given back, and only that.
		{marker: "stopped-number-gives-its-group-back", change: value("false"), test: "TestStoppedNumberGivesItsGroupBack", in: "processor/sender"},
		{marker: "old-group-is-not-called", change: value("false"), test: "TestGroupThatWaitsTooLongIsGivenBack", in: "processor/sender"},
		{marker: "late-send-of-a-group-is-not-called", change: makeFalse(), test: "TestSendOfAGroupIsNotCalledAfterItsEnd", in: "processor/sender"},
		{marker: "only-what-is-not-called-is-given-back", change: makeTrue(), test: "TestRevokedPartitionGivesItsGroupBack"},
		{marker: "group-of-a-revoked-partition-is-given-back", change: drop(), test: "TestRevokedPartitionGivesItsGroupBack"},
		{marker: "refused-commit-gives-its-group-back", change: drop(), test: "TestRefusedCommitGivesItsGroupBack"},
		{marker: "fenced-commit-gives-all-groups-back", change: drop(), test: "TestFencedCommitGivesAllGroupsBack"},
		{marker: "group-of-a-lost-partition-is-known", change: drop(), test: "TestGroupOfALostPartitionComesBack"},
		{marker: "what-is-given-back-is-free", change: drop(), test: "TestRevokedPartitionGivesItsGroupBack", in: "processor/sender"},
		{marker: "ledger-says-what-is-started", change: drop(), test: "TestCrashAtEachPointOfASend"},
		{marker: "result-counts-once-acknowledged", change: whole("p := newOutcome(e, o, now)\np.ends = nil\nst.results.add(p)\nst.finish(e)"), test: "TestCrashAtEachPointOfASend"},
		{marker: "what-a-phone-says-holds-for-its-user-id", change: value("0, false"), test: "TestWhatIsSaidOfOnePersonHoldsForAllNamesWhateverTheOrder"},
		{marker: "what-was-said-before-the-pair-was-known-holds", change: drop(), test: "TestWhatIsSaidOfOnePersonHoldsForAllNamesWhateverTheOrder"},
		{marker: "pairs-are-bounded", change: value("true"), test: "TestPairsAreBounded"},
		{marker: "opt-out-follows-who-changes-the-phone", change: value("e, false"), test: "TestOptOutFollowsWhoChangesThePhone", in: "app/optouts"},
		{marker: "return-of-an-earlier-holder-undoes-no-opt-out", change: value("e.OutS, e.OutBy"), test: "TestReturnOfAPhonesEarlierHolderUndoesNoOptOut", in: "schemas/optout"},
		{marker: "who-came-back-with-the-new-phone-stays", change: makeFalse(), test: "TestReturnOfAPhonesEarlierHolderUndoesNoOptOut", in: "app/optouts"},
		{marker: "opt-out-stays-with-the-phone-of-before", change: makeFalse(), test: "TestOptOutStaysWithThePhoneOfBefore", in: "app/optouts"},
		{marker: "opt-out-of-a-user-id-beside-the-phone-holds", change: value("b.OptOuts.Out(business, to.Person().Digits())"), test: "TestOptOutOfAUserIDBesideThePhoneHolds", in: "app/optouts"},
		{marker: "a-user-id-is-no-phone", change: makeFalse(), test: "TestUserIDOfARecipient", in: "schemas/request"},
		{marker: "both-names-of-a-person-are-one-recipient", change: value("true"), test: "TestBothNamesOfAPersonAreOneRecipient", in: "processor/fanout/recipients"},
		{marker: "who-was-dispatched-is-no-repeat-after-a-takeover", change: value("by.Phones"), test: "TestWhoWasDispatchedIsNoRepeatAfterATakeover", in: "processor/fanout/task"},
		{marker: "what-is-no-user-id-is-no-recipients", change: makeFalse(), test: "TestUserIDBesideThePhoneIsWrittenAsOptOutsAre"},
		{marker: "user-id-is-written-as-opt-outs-are", change: whole("_ = id"), test: "TestUserIDBesideThePhoneIsWrittenAsOptOutsAre"},
		{marker: "who-has-no-phone-is-sent-to-by-user-id", change: condition(`p.phone == ""`), test: "TestUserIDOfARecipient", in: "schemas/request"},
		{marker: "known-pairs-are-not-written", change: operandWith("Paired", "false"), test: "TestOptOutHoldsUnderEveryNameOfThePerson"},
		{marker: "opt-out-outlives-compaction", change: makeFalse(), test: "TestOptOutOutlivesCompactionWhoeverWroteLast", in: "kafka/table"},
		{marker: "a-clock-that-is-behind-moves-no-opt-out", change: value("min(at.Unix(), now.Unix())"), test: "TestAClockThatIsBehindMovesNoOptOut"},
		{marker: "phones-of-a-record-fit-their-records", change: makeFalse(), test: "TestTextsThatAreNoPhonesFitTheirRecords"},
		{
			marker: "idle-number-without-a-limit-starts", change: value("now.Add(time.Duration(float64(n) / p.recentRate * float64(time.Second)))"),
			test: "TestNumberWithoutALimitStartsAfterItWasIdle", in: "processor/sender",
		},
		{marker: "slices-wait-within-bytes", change: condition("len(u.batch) < sliceBatch"), test: "TestSlicesWaitWithinBytes"},
		{marker: "several-outcomes-are-not-passed-over", change: whole("return Encode(TopicResults, task.String(), r)"), test: "TestOutcomesOfOneRecord"},
		{ // the generation of the moment of sending
			marker: "commit-carries-its-generation",
			change: whole("req.Group = g.name\nreq.MemberID, req.Generation = s.cl.GroupMetadata()"),
			test:   "TestRefusedCommitWritesNothing",
		},
		{marker: "owned-under-this-member", change: makeFalse(), test: "TestReplacedMemberIsToldThatItLostAll", in: "kafka/group"},
		{
			marker: "refused-member-joins-anew", change: makeFalse(),
			test: "TestMemberWhoseCommitsAreRefusedLongerThanARebalanceJoinsAnew", in: "kafka/group",
		},
		{marker: "refusal-long-ago-does-not-count", change: operandWith("last", "false"), test: "TestRefusalsLastUntilACommitIsTakenOrAnotherGenerationBegins"},
		{marker: "refused-commit-produces-nothing", change: makeFalse(), test: "TestRefusedCommitProducesNothing"},
		{marker: "lease-ends", change: operandWith("leaseFresh", "false"), test: "TestStaleLeaseIsNotProduced"},
		// What a reference points at is the broadcast's own.
		{marker: "proof-is-of-the-records-key", change: makeFalse(), test: "TestRecordOfAnotherBroadcastIsNotTaken"},
		{marker: "proof-is-of-a-secret-key", change: makeFalse(), test: "TestThreatS13ProofOfAGuessableKeyIsNotTaken"},
		{marker: "proof-is-of-one-number", change: drop(), test: "TestThreatS13ProofIsOfOneNumber"},
		{marker: "reference-names-its-number", change: condition("namesTask(ref, task)"), test: "TestThreatS13ProofIsOfOneNumber"},
		{marker: "record-without-a-proof-has-the-key", change: makeFalse(), test: "TestRecordOfAnotherBroadcastIsNotTaken"},
		{marker: "reference-names-its-task", change: makeFalse(), test: "TestRecordOfAnotherBroadcastIsNotTaken"},
		{marker: "proof-is-made-again-of-ones-own", change: makeFalse(), test: "TestReferenceIsMadeAgainOfOnesOwnOnly"},
		// A retry calls nobody again whom somebody may be calling, or who has the message.
		{marker: "running-task-is-not-retried", change: makeFalse(), test: "TestRunningTaskIsNotRetried"},
		{marker: "unknown-recipients-wait-for-receipts", change: makeFalse(), test: "TestUnknownAndExpiredRecipientsAreNotRetriedTooEarly"},
		{marker: "recipients-of-a-failed-task-wait-for-its-sends", change: makeFalse(), test: "TestRecipientsOfAFailedTaskWaitForItsSends"},
		{marker: "expired-recipients-wait-for-calls", change: makeFalse(), test: "TestUnknownAndExpiredRecipientsAreNotRetriedTooEarly"},
		{marker: "recipient-of-a-failed-task-is-unknown", change: makeFalse(), test: "TestUnknownAndExpiredRecipientsAreNotRetriedTooEarly"},
		{marker: "nobody-is-in-two-retries", change: makeFalse(), test: "TestSimulatedRetriesHaveWhoIsAskedForAndNobodyTwice"},
		{marker: "repeat-in-a-list-is-not-retried", change: makeFalse(), test: "TestRepeatIsNeverRetried"},
		{marker: "old-list-is-not-retried", change: makeFalse(), test: "TestRetryEndsBeforeItsListIsGone"},
		{marker: "nobody-retries-anothers-task", change: makeFalse(), test: "TestThreatS03AnothersTaskIsNotRetried"},
		{marker: "retry-is-proved", change: makeFalse(), test: "TestRetryThatNoIngressMadeIsRejected", in: "processor/fanout"},
		{marker: "blobs-lie-in-their-order", change: makeFalse(), test: "TestListThatDoesNotLieInOrderIsRefused"},
		{marker: "templates-are-of-the-callers-numbers", change: makeFalse(), test: "TestListIsThatOfTheCallersNumber", in: "producer/templates"},
		{marker: "a-template-that-does-not-fit-is-refused", change: makeFalse(), test: "TestBroadcastWhoseTemplateDoesNotFitIsRefused", in: "producer/templates"},
		{marker: "template-that-is-not-approved-is-refused", change: makeFalse(), test: "TestWhatDoesNotFitIsNamed", in: "schemas/template"},
		{marker: "each-variable-of-a-template-has-a-value", change: makeFalse(), test: "TestWhatDoesNotFitIsNamed", in: "schemas/template"},
		{marker: "lines-in-a-value-are-refused", change: makeFalse(), test: "TestWhatDoesNotFitIsNamed", in: "schemas/template"},
		{marker: "a-filled-template-that-is-too-long-is-refused", change: makeFalse(), test: "TestWhatDoesNotFitIsNamed", in: "schemas/template"},
		{marker: "questions-about-templates-are-bounded", change: makeFalse(), test: "TestWhoWaitsForTheSameTemplateAsksOnce", in: "whatsapp/templates"},
		{marker: "an-answer-of-before-a-change-does-not-count", change: condition("known && time.Since(e.at) < age"), test: "TestAChangedTemplateIsReadAnew", in: "whatsapp/templates"},
		{marker: "a-pause-that-nobody-takes-back-ends", change: operandWith("life", "life < 0"), test: "TestTemplatesHaveTheirLastWord", in: "schemas/standing"},
		{marker: "an-end-of-before-counts-for-no-later-task", change: operandWith("afterMs", "false"), test: "TestTemplatesHaveTheirLastWord", in: "schemas/standing"},
		{marker: "a-pause-without-a-template-is-waited-for-by-nobody", change: makeFalse(), test: "TestAPauseOfNoTemplateEndsTheSend", in: "processor/sender"},
		{marker: "nothing-is-called-while-its-template-is-paused", change: makeFalse(), test: "TestNothingIsCalledOnceAWebhookSaysThatItsTemplateIsPaused", in: "processor/sender"},
		{marker: "what-waits-for-its-template-takes-no-window", change: makeFalse(), test: "TestStalledTaskTakesNothingOfTheWindow", in: "processor/fanout/schedule"},
		{marker: "nothing-is-dispatched-while-its-template-is-paused", change: makeFalse(), test: "TestTaskWaitsWhileItsTemplateIsPaused", in: "processor/fanout"},
		{marker: "a-template-that-does-not-fit-ends-its-task", change: makeFalse(), test: "TestTemplateIsHeldToItsAccountBeforeAnybodyIsWrittenTo", in: "processor/fanout"},
		{marker: "templates-are-asked-for-so-many-at-a-time", change: operandWith("maxChecks", "true"), test: "TestOthersGoOnWhileMetaIsSilentAboutTemplates", in: "processor/fanout"},
		{marker: "a-paused-template-ends-no-task", change: makeTrue(), test: "TestATemplateOfATaskIsJudged", in: "whatsapp/templates"},
		{marker: "an-earlier-context-aborts-no-call", change: makeFalse(), test: "TestContextsFollowOnOneConnection"},
		{marker: "only-marketing-templates-go-to-the-marketing-api", change: value("c.GetTemplate() != nil"), test: "TestOnlyMarketingTemplatesGoToTheMarketingAPI", in: "whatsapp"},
		{marker: "free-form-goes-to-messages", change: operandWith("marketing", "false"), test: "TestOnlyMarketingTemplatesGoToTheMarketingAPI", in: "whatsapp"},
		{marker: "a-refusal-is-not-of-what-was-kept-long", change: makeTrue(), test: "TestATemplateIsReadOnceInFiveMinutes", in: "whatsapp/templates"},
		{marker: "report-of-a-process-that-ended-does-not-count", change: makeTrue(), test: "TestReportsOfProcesses", in: "schemas/standing"},
		{marker: "slice-is-of-the-task", change: makeFalse(), test: "TestListWhosePlaceAnotherHasIsNotUsed", in: "processor/fanout"},
		{marker: "list-of-a-chosen-id-is-that-of-the-request", change: makeFalse(), test: "TestEventThatNamesAnothersListIsRejected", in: "processor/fanout"},
		{marker: "copied-list-is-of-the-record-that-names-the-task", change: condition("ok || id == task"), test: "TestEventThatNamesAnothersListIsRejected", in: "processor/fanout"},
		{marker: "list-under-a-tasks-id-is-the-first-ones", change: operandWith("Unbound", "false"), test: "TestListUnderATasksIdIsTheFirstOnes"},
		{marker: "anothers-file-ends-the-task-that-names-it", change: operandWith("owner", "false"), test: "TestTaskThatNamesAnothersFileEndsAlone", in: "processor/fanout"},
		{marker: "copy-of-a-claimed-one-is-in-doubt-too", change: value("false"), test: "TestCopiesOfABroadcastWhoseOffsetsAreGoneReachNobodyTwice"},
		{marker: "message-is-of-the-task", change: makeFalse(), test: "TestMessagesAndFilesOfOthersAreNotTaken"},
		{marker: "part-is-of-the-file", change: value("nil"), test: "TestMessagesAndFilesOfOthersAreNotTaken"},
		{marker: "shared-upload-fails-for-its-own-file-only", change: makeFalse(), test: "TestFileThatCannotBeReadFailsForItsOwnTaskOnly"},
		{marker: "file-is-known-by-something", change: makeFalse(), test: "TestMissingFactsOfAFileAreFound"},

		// Controls: a pause and a cancel hold, whoever owns the task, and no more leaves than was said.
		{
			marker: "in-flight-counts-leased-quanta",
			change: value("int(t.Cursor - min(t.Cursor, t.Decided))"),
			test:   "TestQuantumUnderWayEndsBeforeTheRestIsCancelled",
		},
		{marker: "view-of-a-cut-log-is-read-anew", change: makeFalse(), test: "TestViewOfALogThatLosesItsEndIsReadAnew", in: "kafka/table"},
		{marker: "offsets-of-a-cut-log-count", change: drop(), test: "TestOffsetsOfALogThatLostItsEndCountAnew"},
		{marker: "controls-read-again-are-announced-once", change: condition("true"), test: "TestOrdersThatAreReadAgainAreToldOnce"},
		{marker: "known-control-stands-against-older-ones", change: makeFalse(), test: "TestWhatWasKnownStandsAgainstOrdersThatAreReadAgain"},
		{marker: "fetched-before-the-cut-is-no-progress", change: makeFalse(), test: "TestRecordsFetchedBeforeACutAreNoProgress"},
		{marker: "empty-offsets-are-passed-from-where-they-were-looked-for", change: makeFalse(), test: "TestEmptyOffsetsArePassedOverFromWhereTheyWereLookedFor"},
		{marker: "a-view-is-caught-up-once-it-is-read-again", change: operandWith("again", "($ && false)"), test: "TestRecordsFetchedBeforeACutAreNoProgress"},
		{marker: "cut-is-below-what-was-read-before", change: operandWith("read", "t.progress.Next()[p] > end"), test: "TestRecordsReadWhileTheEndIsAskedForAreNoCut", in: "kafka/table"},
		{marker: "end-of-a-second-cut-bounds-the-reading", change: operandWith("LowerBound", "bounds[p] < 0"), test: "TestViewOfALogThatLosesItsEndAgainWhileItIsReadAgainCatchesUp", in: "kafka/table"},
		{marker: "lower-end-is-waited-for", change: value("max(ends[p], end)"), test: "TestEndOfBeforeACutIsNotWaitedFor", in: "kafka/table"},
		{marker: "control-in-a-cut-log-counts", change: condition("c.Next <= was.Next"), test: "TestOrderInATopicThatLostItsEndIsInForce"},
		{marker: "control-in-a-cut-log-is-not-in-force", change: value("false"), test: "TestOrderAtAnOffsetThatWasObeyedBeforeIsRecordedOnly"},
		{marker: "rest-waits-for-the-quantum", change: value("l.become(Closing, Waiting, Preparing, Dispatching)"), test: "TestQuantumUnderWayEndsBeforeTheRestIsCancelled", in: "processor/fanout"},
		{marker: "takeover-waits-for-controls", change: value("error(nil)"), test: "TestNoQuantumBeforeTheControlsHaveCaughtUp"},
		{marker: "controls-are-published-with-proof", change: value("0"), test: "TestReplacedOwnerSaysNothingOfControls"},
		{marker: "a-repeated-end-has-its-controls", change: drop(), test: "TestRepeatedUpdateHasTheControlsInForce"},
		{
			marker: "probe-is-published-with-proof",
			change: whole("t.Opened.Then(func() { p.cfg.Owner.Publish(p.logFor(t), func(stream.Record) {}, note) })"),
			test:   "TestCancelFoundAtATakeoverIsSaidWithWhatMayStillLeave",
			in:     "processor/fanout",
		},
		{marker: "rest-waits-until-the-end-is-published", change: operandWith("Announced", "t.Ending() == task.Running"), test: "TestRestIsCancelledOnceThatWasSaid"},
		{marker: "quantum-waits-for-the-evaluation", change: value("false"), test: "TestNobodyTakesATurnBeforeBeingLookedAt"},
		{
			marker: "others-wait-for-the-first-recipients",
			change: whole("s.lease(t, q.Take(e, t.Slice.Rest(t.Cursor)), now)"),
			test:   "TestFirstRecipientsStopTheOthers",
		},
		{marker: "broken-join-leaves", change: makeFalse(), test: "TestJoinThatIsBrokenOffLeaves"},

		// A partition that is given up: nothing of it is called, committed or counted as done any more.
		{marker: "another-record-is-not-known", change: makeFalse(), test: "TestKnowledgeIsOfOneRecord"},
		{
			marker: "refusal-counts-before-its-commit",
			change: operandWith("encodings", "true"),
			test:   "TestRefusalThatMayBeCommittedIsNotBelieved",
		},
		{marker: "outage-is-nobodys-attempt", change: makeFalse(), test: "TestThreePhonesOutliveAnOutage", in: "processor/sender"},
		{
			marker: "an-outage-holds-no-longer-than-its-probes",
			change: value("r.After"),
			test:   "TestARetryAfterOfAnOutageHoldsNoLongerThanItsProbes", in: "processor/sender",
		},
		{marker: "webhook-stops-the-number", change: value("false"), test: "TestAWebhookStopsTheNumber", in: "processor/sender"},
		{marker: "takeover-waits-for-the-states-of-numbers", change: drop(), test: "TestAProcessHearsOfStoppedNumbersBeforeItCalls"},
		// Who opted out is not written to.
		{marker: "takeover-waits-for-opt-outs", change: drop(), test: "TestAProcessKnowsWhoOptedOutBeforeItCalls"},
		{marker: "who-opted-out-is-not-started", change: makeFalse(), test: "TestWhoOptedOutIsSkipped", in: "processor/sender"},
		{marker: "who-opted-out-meanwhile-is-not-called", change: operandWith("OptedOut", "true"), test: "TestWhoOptsOutDuringTheCommitIsNotCalled", in: "processor/sender"},
		{marker: "opt-outs-hold-but-for-service-messages", change: value("e.assignment.optOuts.Out(e.Number.ID, e.Phone, e.Personal.GetUserId())"), test: "TestWhoOptedOutIsSkipped"},
		{marker: "old-knowledge-of-opt-outs-starts-nothing", change: makeFalse(), test: "TestNothingStartsOnOldKnowledgeOfOptOuts"},
		{marker: "opt-outs-are-of-the-callers-numbers", change: makeFalse(), test: "TestThreatS03OptOutsAreForKeysWithTheirScope", in: "producer"},
		{marker: "what-is-found-out-to-be-marketing-is-not-exempt", change: operandWith("IsMarketing", "true"), test: "TestTemplateIsHeldToItsAccountBeforeAnybodyIsWrittenTo", in: "processor/fanout"},
		{marker: "opt-outs-hold-for-marketing-whatever-it-is-called", change: operandWith("IsMarketing", "true"), test: "TestOptOutsHoldForMarketingWhateverItIsCalled", in: "schemas"},
		{marker: "dry-run-counts-opt-outs-where-they-hold", change: operandWith("Exempt", "true"), test: "TestDryRunCountsWhoOptedOutWhereThatHolds"},
		{marker: "nothing-leaves-at-the-end-of-a-window", change: value("now.Sub(wrote) < lastinbound.Window"), test: "TestNobodyOutsideTheWindowGetsTheInteractiveMessage"},
		{marker: "who-did-not-write-gets-the-template", change: value("w.refused || known && !Open(wrote, now)"), test: "TestNobodyOutsideTheWindowGetsTheInteractiveMessage"},
		{marker: "refused-for-its-window-gets-the-template", change: makeFalse(), test: "TestWhoseWindowWasShutGetsTheTemplateOnce"},
		{marker: "the-later-message-counts", change: value("at + 0*was"), test: "TestLaterMessageCountsWhateverTheOrder"},
		{marker: "who-wrote-is-bounded", change: makeFalse(), test: "TestWhoHasNoRoomIsNotKnownUntilOthersAreForgotten"},
		{marker: "nobody-wrote-later-than-now", change: value("max(last[k], m.At.Unix())"), test: "TestRecordsAreThoseOfOpenWindowsToOurNumbers"},
		{marker: "nobody-grants-what-another-may-not-know", change: makeFalse(), test: "TestWhoIsFarBehindIsRefused"},
		{marker: "a-claim-counts-those-that-its-writer-had-not-read", change: makeFalse(), test: "TestNeverMorePeopleThanTheLimit"},
		{marker: "a-later-message-takes-its-place-for-longer", change: value("m + 0*was"), test: "TestAPlaceThatEndsIsNoPlace"},
		{marker: "a-place-that-ends-is-no-place", change: value("b != nil && minute(now) < b.claimed[p]+life"), test: "TestAPlaceThatEndsIsNoPlace"},
		{marker: "no-more-people-than-the-limit", change: value("Claim{Business: business, Free: min(limit, s.max-s.count), Read: s.read}"), test: "TestNeverMorePeopleThanTheLimit"},
		{marker: "who-has-a-place-does-not-wait-for-others", change: makeTrue(), test: "TestWhoHasAPlacePassesThoseWithout"},
		{marker: "who-was-refused-waits", change: makeFalse(), test: "TestWhoIsRefusedAsksAgain"},
		{marker: "nobody-is-written-to-without-a-place", change: makeTrue(), test: "TestAFullBusinessWritesToOthersTheNextDay", in: "processor/sender"},
		{marker: "who-wrote-needs-no-place", change: value("e.Task.Unprompted()"), test: "TestAFullBusinessWritesToOthersTheNextDay"},
		{marker: "whose-window-shut-meanwhile-needs-a-place", change: makeFalse(), test: "TestWhoseWindowShutsMeanwhileNeedsAPlace"},
		{marker: "what-waits-for-places-takes-no-window", change: value("false"), test: "TestTaskWhosePeopleAreFullKeepsNobodyWaiting", in: "processor/fanout"},
		{marker: "a-stalled-task-has-little-in-flight", change: makeFalse(), test: "TestStalledTaskGoesOnWithinABoundOfItsOwn"},
		{marker: "stalled-tasks-share-a-bound", change: value("max(0, MaxStalled-e.InFlight())"), test: "TestStalledTasksTogetherHaveABound"},
		{marker: "service-messages-need-no-place", change: value("c.GetTemplate() != nil || c.GetCategory() != \"\""), test: "TestAFullBusinessWritesToOthersTheNextDay", in: "processor/sender"},
		{marker: "numbers-share-what-is-left", change: makeFalse(), test: "TestNumbersOfABusinessShareWhatIsLeft"},
		{marker: "who-needs-no-place-keeps-nobody-waiting-for-one", change: makeTrue(), test: "TestWhoNeedsAPlaceIsAskedForInTheirTurn", in: "processor/sender"},
		{marker: "a-number-that-is-gone-says-no-limit", change: makeTrue(), test: "TestANumberThatIsGoneSaysNothingOfTheLimit", in: "processor/sender"},
		{marker: "an-earlier-time-is-not-behind", change: makeTrue(), test: "TestAnEarlierTimeBehindALaterOneIsNotBehind"},
		{marker: "who-is-behind-claims-nobody", change: makeFalse(), test: "TestNeverMorePeopleThanTheLimit"},
		{marker: "who-has-a-place-needs-no-other", change: makeFalse(), test: "TestWhoHasAPlaceNeedsNoOther"},
		{marker: "a-button-that-opts-out-is-told", change: makeFalse(), test: "TestButtonsThatOptOutAreTold"},
		{marker: "a-clock-that-is-ahead-opens-no-longer-window", change: drop(), test: "TestLaterMessageCountsWhateverTheOrder"},
		{marker: "later-of-out-and-in-counts", change: value("e.OutS > 0"), test: "TestLaterSaidCountsWhateverTheOrder"},
		{marker: "silent-calls-stop-the-number", change: makeTrue(), test: "TestSimulatedBreakerKeepsCallsFewInAnOutageAndEndsSoonAfter"},
		{marker: "lost-partition-is-not-called", change: makeFalse(), test: "TestLostDuringCommit"},
		{marker: "lost-partition-is-not-committed", change: makeFalse(), test: "TestLostIsNotCommitted"},
		{marker: "revoked-partition-is-not-called", change: makeFalse(), test: "TestRevokeDuringCommit"},
		{marker: "giving-up-waits-for-the-commit", change: makeFalse(), test: "TestLostDuringCommit"},
		{marker: "position-of-a-lost-partition-is-not-committed", change: drop(), test: "TestLostPartitionIsNotCommitted"},
		{marker: "giving-up-a-partition-waits-for-the-commit", change: makeFalse(), test: "TestLostPartitionIsNotCommitted"},
		{marker: "stopped-partition-calls-nobody", change: makeFalse(), test: "TestStoppedPartitionCallsNobody"},
		{marker: "stopped-partition-takes-no-step", change: makeFalse(), test: "TestStoppedPartitionTakesNoStep"},
		{marker: "drain-tries-nothing-again", change: makeFalse(), test: "TestDrainTriesNothingAgain"},
		{marker: "partition-that-ends-does-not-stay-paused", change: drop(), test: "TestPartitionThatEndsDoesNotStayPaused"},
		{marker: "position-belongs-to-its-assignment", change: makeTrue(), test: "TestLostPartitionIsNotCommitted"},

		// Windows and deadlines.
		{marker: "shut-window-starts-nothing", change: makeFalse(), test: "TestNothingStartsOutsideItsWindow", in: "processor/sender"},
		{marker: "expired-message-is-not-called", change: operandWith("isRendered", "true"), test: "TestMediaIsRenewedDuringACommit", in: "processor/sender"},
		{marker: "late-start-is-not-called", change: makeFalse(), test: "TestCommitOutlastsTheWindow"},

		// What the last owner said.
		{marker: "what-the-log-lost-is-not-done", change: drop(), test: "TestLogThatLostItsEndLosesNobodyAndCallsNobodyTwice", in: "processor/sender"},
		{marker: "foreign-offsets-are-not-believed", change: makeFalse(), test: "TestOffsetsThatAreGoneOrForeignCallNobodyTwice", in: "processor/sender"},
		{marker: "started-send-that-is-gone-is-not-called-again", change: makeFalse(), test: "TestStartedSendsOfALogThatLostItsEnd", in: "processor/sender"},
		{marker: "record-in-doubt-is-not-called", change: operandWith("InDoubt", "false"), test: "TestOffsetsThatAreGoneOrForeignCallNobodyTwice"},
		{marker: "takeover-reads-the-ledger", change: value(`Decode("", 0)`), test: "TestTakeoverSkipsDoneAndSendsWhatIsFree", in: "processor/sender"},
		{ // all that a takeover finds is called unknown, and never sent
			marker: "takeover-sends-what-was-not-started",
			change: whole(`$
for o := pos.Offset; o < pos.End && l.open < MaxOpen; o++ {
	if o >= l.next {
		l.add(o)
	}
}
for c := l.head; c != nil; c = c.next {
	c.started = true
}
l.unread = l.head`),
			test: "TestSimulatedFaultsLoseNobodyAndRepeatNobody", in: "test/sim",
		},
		{
			marker: "takeover-reads-the-fanouts-ledger", change: value(`ledger.Decode(max(0, pos.Offset), "")`),
			test: "TestTakeoverRepeatsOnlyThePending",
		},

		// What was seen: a fanout that takes over repeats sends of its last turns.
		{marker: "repeat-is-noticed", change: value("true"), test: "TestRepeatsBelowTheWatermarkAreDropped"},
		{marker: "below-the-watermark-is-remembered", change: drop(), test: "TestRepeatsBelowTheWatermarkAreDropped"},
		{marker: "replaced-owner-is-dropped", change: makeFalse(), test: "TestSimulatedReplacedOwnerIsNotCalledFor", in: "processor/sender"},
		{marker: "repeats-are-remembered-longer", change: value("fresh"), test: "TestRepeatIsRememberedLongerThanOtherSends"},
		{marker: "end-of-a-task-is-proven", change: whole("s.Publish(s.logFor(t), func(stream.Record) { s.closeNext(t, recs[1:]) }, recs[0])"), test: "TestReplacedOwnerEndsNothing"},

		// The fold.
		{marker: "greatest-outcome-stays", change: condition("to != from"), test: "TestFoldDoesNotDependOnOrder"},
		{marker: "foreign-marks-only-raise", change: condition("o != m"), test: "TestZombieIsRepaired", in: "processor/aggregator"},
		{marker: "message-is-counted-once", change: condition("to == 0"), test: "TestFoldDoesNotDependOnOrder"},
		{marker: "page-without-prices-is-written-again", change: makeFalse(), test: "TestPricesThatAnEarlierVersionWroteOverAreWrittenAgain", in: "processor/aggregator"},
		{marker: "prices-are-recounted", change: operandWith("Priced", "true"), test: "TestStatusWithoutPricesIsMended", in: "processor/aggregator"},
		{marker: "newer-status-replaces-prices", change: value("0 * int64(c.GetCount())"), test: "TestMonthHasTheNewestOfEachTask"},
		{marker: "prices-of-others-are-an-administrators", change: operandWith("May", "true"), test: "TestMonthOfANumberIsForAdministrators"},
		{marker: "price-of-a-lower-receipt-is-kept", change: drop(), test: "TestPriceOfAMessageIsKept"},
		{marker: "commit-waits-for-marks", change: operandWith("waiting", "false"), test: "TestCommitOnlyAfterAcknowledgement"},
		{marker: "both-secrets-sign", change: value("$[:1]"), test: "TestThreatS12BothSecretsSign"},
		{marker: "events-of-a-task-are-posted-in-order", change: makeTrue(), test: "TestSimulatedCallbacksLoseNoEventAndKeepTheOrderOfATask"},
		{marker: "room-is-left-for-endpoints-that-work", change: value("false"), test: "TestManyDeadEndpointsDoNotStopReading"},
		{marker: "older-state-is-not-written-over-a-newer-one", change: makeFalse(), test: "TestStateThatWasRefusedIsNotWrittenOverANewerOne"},
		{marker: "slow-endpoints-leave-places-for-others", change: condition("free == 0"), test: "TestSlowEndpointsDelayNoOther"},
		{marker: "owners-of-one-host-are-apart", change: makeTrue(), test: "TestOwnersOfOneHostDoNotDisturbEachOther"},
		{marker: "event-is-committed-once-it-is-kept", change: whole("p.Advance(end)\n$"), test: "TestEventIsCommittedOnceItIsKept"},
		{marker: "private-callback-is-refused", change: makeFalse(), test: "TestCallbacksThatAreNotTaken"},
		{marker: "callback-without-secret-is-refused", change: makeFalse(), test: "TestCallbacksThatAreNotTaken"},
		{marker: "private-address-is-not-connected-to", change: makeTrue(), test: "TestPrivateEndpointIsNotConnectedTo", in: "app/callback"},
		{marker: "commit-waits-for-events", change: makeFalse(), test: "TestCommitWaitsForEvents"},
		{marker: "events-wait-for-who-tells-them", change: makeFalse(), test: "TestEventsAboutRecipientsHaveTheSecondVersion"},
		{marker: "commit-waits-for-outcomes", change: makeFalse(), test: "TestCommitWaitsForGroups"},
		{marker: "open-groups-are-not-passed-over", change: drop(), test: "TestCommitWaitsForGroups"},
		{marker: "end-comes-after-its-outcomes", change: makeFalse(), test: "TestOutcomesThatACrashLostAreToldAgain"},
		{marker: "outcome-that-changes-nothing-is-told", change: condition("$ && changed"), test: "TestOutcomesThatACrashLostAreToldAgain"},
		{marker: "too-many-outcomes-wait", change: operandWith("groups", "true"), test: "TestSimulatedResultsAreNotFoldedWhileTooManyOutcomesWait"},
		{marker: "too-many-events-wait", change: makeFalse(), test: "TestSimulatedResultsAreNotFoldedWhileTooManyEventsWait"},
		{marker: "what-may-not-be-told-is-told-again", change: makeFalse(), test: "TestEventsThatACrashLostAreToldAgain", in: "processor/aggregator"},
		{marker: "events-of-a-task-do-not-overtake-each-other", change: makeFalse(), test: "TestEventsOfATaskDoNotOvertakeEachOther"},
		{marker: "foreign-writes-are-noticed", change: makeFalse(), test: "TestZombieIsRepaired"},
		{marker: "what-others-wrote-is-read", change: makeTrue(), test: "TestZombieIsRepaired"},

		// Where a member begins, what it is handed, and how it goes.
		{marker: "buffer-is-empty-before-a-batch", change: drop(), test: "TestNothingOfABatchIsInAnother"},
		{marker: "batch-has-a-buffer-of-its-own", change: whole("return b.Bytes(), err"), test: "TestNothingOfABatchIsInAnother"},
		{marker: "offset-out-of-range-is-fatal", change: makeFalse(), test: "TestLogThatIsTrimmedWhileItIsReadIsTakenOverAnew"},
		{
			marker: "reading-is-never-reset", change: whole("kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())"),
			test: "TestLogThatIsTrimmedWhileItIsReadIsTakenOverAnew",
		},
		{marker: "one-unreadable-ledger-stops-one-partition", change: makeTrue(), test: "TestOneUnreadableLedgerStopsOnePartition"},
		{
			marker: "partition-without-a-leader-holds-no-other", change: whole("if err := s.checkPosition(&all[i], known); err != nil {\nreturn err\n}"),
			test: "TestPartitionWithoutALeaderHoldsNoOther",
		},
		{marker: "unwritten-registry-delays-one-commit", change: condition("$ || true"), test: "TestRegistryWithoutALeaderDelaysOneCommit"},
		{marker: "added-partitions-are-wrong", change: makeFalse(), test: "TestChangedNumberOfPartitionsIsWrong"},
		{marker: "recipient-in-doubt-is-not-sent-to", change: makeFalse(), test: "TestBroadcastsWhoseOffsetsAreGoneReachNobodyTwice", in: "processor/fanout"},
		{marker: "cursor-that-is-gone-is-inferred", change: makeFalse(), test: "TestBroadcastsWhoseOffsetsAreGoneReachNobodyTwice"},
		{marker: "doubt-ends-when-all-is-folded", change: makeTrue(), test: "TestOffsetsGoneWhileTheAggregatorStandsStillReachNobodyTwice"},
		{marker: "doubt-outlives-its-owner", change: whole("l.Owners = m.owners"), test: "TestOffsetsGoneWhileTheAggregatorStandsStillReachNobodyTwice", in: "processor/fanout"},
		{marker: "new-broadcast-at-an-old-offset-is-taken-in", change: operandWith("covers", "true"), test: "TestBroadcastAtTheOffsetOfALostOneIsCarriedOutWhole", in: "processor/fanout"},
		{marker: "cursor-is-of-the-same-broadcast", change: makeFalse(), test: "TestBroadcastAtTheOffsetOfALostOneIsCarriedOutWhole"},
		{marker: "log-cut-while-read-is-taken-over-anew", change: makeFalse(), test: "TestLogThatLosesItsEndWhileItIsReadIsTakenOverAnew"},
		{marker: "ledger-of-newer-records-is-left-as-it-is", change: makeFalse(), test: "TestLedgerOfRecordsOfANewerVersionIsLeftAsItIs"},
		{marker: "nothing-above-the-end-is-waited-for", change: makeFalse(), test: "TestLogThatEndsBelowTheCommittedOffsetIsNoticed"},
		{marker: "rebalance-waits-for-what-was-polled", change: drop(), test: "TestRevokeWaitsForWhatWasPolled"},
		{marker: "only-owned-records-are-handed-over", change: makeTrue(), test: "TestRecordsOfAPartitionThatIsGoneAreNotHandedOver"},
		{marker: "stopping-drains", change: drop(), test: "TestStoppingDrainsWhileStillAMember"},
		{marker: "revoked-partitions-drain", change: whole("_ = ctx\ns.stage.OnLost(tps)"), test: "TestRevokedPartitionsDrainWhileStillAMember"},
		{marker: "newer-records-are-not-handed-over", change: value("s.group.cfg.Records(p.Records)"), test: "TestNewerRecordHoldsItsPartition", in: "kafka/group"},
		{marker: "views-hold-newer-records", change: value("t.cfg.Records(p.Records)"), test: "TestViewsHoldWhereANewerVersionWrote", in: "kafka/table"},
		{marker: "partition-without-an-answer-is-unknown", change: makeFalse(), test: "TestPartitionMissingFromACommitAnswerIsUnknown", in: "kafka/group"},
		{
			marker: "view-believes-who-knows-more", change: value("known == nil || st.GetVersion() > known.GetVersion()"),
			test: "TestViewKeepsWhatASmallerStatusWouldTakeBack",
		},

		// Tasks that finished long ago are known, whoever asks.
		{marker: "finished-tasks-stay-known", change: drop(), test: "TestNoTaskIsForgotten"},
		{marker: "repeat-of-a-task-that-is-read-back", change: makeFalse(), test: "TestRepeatsOfATaskThatIsReadBackSettleAndLeave"},
		{marker: "repeated-opening-writes-the-status", change: drop(), test: "TestRepeatedPlanHasTheStatusWrittenAgain"},
		{marker: "unconfirmed-id-is-not-accepted", change: makeFalse(), test: "TestIdempotencyKeyRace"},

		// Whose a task is.
		{marker: "relayed-record-is-its-topics-owners", change: drop(), test: "TestThreatS13RecordOfAnUpstreamTopicIsItsOwners"},
		{marker: "record-points-at-nothing-in-blobs", change: makeFalse(), test: "TestThreatS13RecordOfAnUpstreamTopicPointsAtNothingOfAnothers"},
		{marker: "record-names-no-id-of-an-ingress", change: makeFalse(), test: "TestThreatS13RecordOfAnUpstreamTopicPointsAtNothingOfAnothers"},
		{marker: "id-that-an-ingress-made-is-proved", change: makeFalse(), test: "TestThreatS13BroadcastUnderAnIdOfAnIngressIsProvedOrRejected", in: "processor/fanout"},
		{marker: "id-that-an-ingress-made-is-not-chosen", change: makeFalse(), test: "TestThreatS03IdThatAnIngressMadeIsNotChosen", in: "producer"},
		{marker: "origin-is-proved", change: makeFalse(), test: "TestThreatS13RecordThatClaimsAnothersOriginIsAConflict"},
		{
			marker: "plan-is-of-the-same-request", change: condition("!status.SameOrigin(p.GetOrigin(), s.Origin)"),
			test: "TestPlanOfAnotherRequestIsNotTheRecords",
		},
		{marker: "one-key-is-one-task-whatever-its-id", change: makeFalse(), test: "TestKeyUnderTwoIdsIsSentOnce"},
		{marker: "secrets-that-others-have-are-asked-for", change: makeTrue(), test: "TestProcessesWithOtherSecretsMakeTheSameIdsOrDoNotStart"},
		{marker: "earlier-ids-are-proved", change: makeFalse(), test: "TestEarlierIdsAreProved"},
		{marker: "earlier-ids-of-a-key-are-its-own", change: condition("p != nil"), test: "TestThreatS03IdsCannotBeSquatted", in: "producer"},
		{marker: "earlier-ids-are-looked-up-in-the-whole-view", change: makeFalse(), test: "TestKeyIsNotTakenForNewBeforeTheViewIsWhole", in: "producer"},
		{marker: "a-repeat-is-the-same-callers", change: operandWith("owns", "false"), test: "TestThreatS03IdsCannotBeSquatted", in: "producer"},
		{marker: "anothers-task-is-not-shown", change: condition("s != nil"), test: "TestThreatS03AnothersTaskIsNone"},
		{marker: "a-feed-ends-where-the-task-is-anothers", change: operandWith("Sees", "false"), test: "TestThreatS03FeedsShowOnesOwn"},
		{marker: "nobody-steers-what-may-be-anothers", change: condition("$ && false"), test: "TestThreatS03FreshTaskIsSteeredByItsOwnerOnly"},
		{marker: "lists-show-ones-own", change: operandWith("sees", "false"), test: "TestThreatS03ListsShowOnesOwn", in: "producer"},

		// Who got it: whose business that is, what the answer is of, and what reads it.
		{marker: "sends-of-anothers-task-are-not-shown", change: operandWith("Sees", "false"), test: "TestThreatS03HistoriesShowOnesOwn"},
		{
			marker: "searches-for-a-phone-are-shared",
			change: whole("$\nif no != nil {\n\tgive, no = func() {}, nil\n}"), test: "TestHistoriesHaveSlots",
		},
		{marker: "search-for-a-phone-has-an-end", change: makeFalse(), test: "TestSimulatedReadingStopsAtItsBounds"},
		{marker: "since-is-what-every-partition-was-read-to", change: makeFalse(), test: "TestSimulatedReadingStopsAtItsBounds"},
		{marker: "outcome-of-a-send-only-rises", change: value("schemas.RecipientState(states[i])"), test: "TestAPersonsSendsTheNewestFirstWithTheirOutcomes"},
		{
			marker: "exports-are-shared",
			change: whole("$\nif no != nil {\n\tgive, no = func() {}, nil\n}"), test: "TestRecipientsHaveSlotsInAll",
		},

		// A dry run does nothing, and takes little.
		{marker: "dry-run-is-not-made", change: makeFalse(), test: "TestDryRunSaysWhatWouldHappen"},
		{marker: "dry-run-of-a-repeat-is-one", change: makeFalse(), test: "TestDryRunTakesNoIDAndNoRecipients"},
		{marker: "dry-run-takes-no-recipients", change: makeFalse(), test: "TestDryRunTakesNoIDAndNoRecipients"},
		{marker: "dry-run-is-never-sent", change: whole("case r.lim.DryRun == nil:"), test: "TestDryRunIsRefusedWhereThereAreNone", in: "producer"},
		{marker: "dry-run-comes-before-what-is-written", change: makeFalse(), test: "TestDryRunOfLargeThingsWritesNothing", in: "producer"},
		{
			marker: "dry-runs-are-shared",
			change: whole("$\nif no != nil {\n\tgive, no = func() {}, nil\n}"), test: "TestDryRunsHavePlaces",
		},
		{marker: "dry-run-has-bounded-memory", change: makeFalse(), test: "TestSimulatedLongListTakesBoundedMemory"},
		{marker: "dry-run-shows-a-bounded-sample", change: makeTrue(), test: "TestSimulatedLongListTakesBoundedMemory"},

		{marker: "a-caller-has-its-share", change: makeFalse(), test: "TestRecipientsHaveSlots", in: "producer"},
		{marker: "list-that-is-gone-is-410", change: makeFalse(), test: "TestRecipientsAreRefused"},
		{marker: "list-that-is-gone-is-expired", change: makeFalse(), test: "TestAListThatIsGoneIsExpired"},
		{marker: "exported-list-is-the-tasks", change: makeFalse(), test: "TestAListThatIsGoneIsExpired"},
		{marker: "first-slice-is-there-before-the-answer", change: whole("var err error"), test: "TestAListThatIsGoneIsExpired"},
		{marker: "exported-states-are-not-older-than-their-version", change: makeFalse(), test: "TestStatesSettleOnAVersion"},
		{marker: "exported-states-are-not-later-than-their-version", change: makeFalse(), test: "TestStatesSettleOnAVersion"},
		{marker: "exported-states-have-a-version", change: makeFalse(), test: "TestStatesSettleOnAVersion"},
		{marker: "what-is-no-phone-is-text-in-csv", change: makeFalse(), test: "TestThreatS20CSVKeepsPhonesAndIsNoFormula"},
		{marker: "no-cell-is-a-formula", change: makeFalse(), test: "TestThreatS20AReasonIsNoFormula"},

		// Knowledge of a commit, and of what it says.
		{marker: "unknown-commit-gives-all-up", change: makeFalse(), test: "TestCommitAnswerLost"},
		{marker: "unknown-commit-ends-the-worker", change: drop(), test: "TestNothingStartsAfterACommitThatNobodyAnswered"},
		{
			marker: "ledger-is-encoded-under-its-generation", change: whole("st.mu.Unlock()\ngeneration := st.ports.Committer.Generation()\nst.mu.Lock()\nc := &commit{generation: generation, batch: batch, waiters: st.commits.flushWaiters}"),
			test: "TestSendIsCommittedCalledAndRecorded",
		},
		{
			marker: "positions-are-taken-under-their-generation", change: whole("set.mu.Unlock()\n$\nset.mu.Lock()"),
			test: "TestPositionsAreTakenUnderTheirGeneration",
		},
		{marker: "started-repeat-is-not-dropped", change: operandWith("Started", "true"), test: "TestRepeatThatWasStartedIsUnknown"},
		{marker: "doubtful-send-stays-started", change: makeTrue(), test: "TestSendThatMayHaveReachedSomebodyStaysStarted"},
		{marker: "lost-call-of-a-lost-partition-is-published", change: operandWith("live", "false"), test: "TestLostCallOfALostPartitionIsSaid"},
		{
			marker: "reject-counts-once-acknowledged",
			change: whole("st.results.add(&pendingRecord{lane: schedule.Bulk, rec: st.ports.Reject(*in.rec, stageName, \"decode\", in.err.Error())})\nst.finish(e)"),
			test:   "TestRejectIsDoneOnceItIsWritten",
		},

		// What a fanout leaves to its Status, and repeats.
		{marker: "parked-task-is-in-its-status", change: operandWith("GetCursor", "true"), test: "TestTaskIsParkedOnceItsStatusSaysItsCursor", in: "processor/fanout"},
		{marker: "commit-waits-for-the-old-ledger", change: operandWith("restored", "false"), test: "TestNothingIsCommittedBeforeTheOldLedgerIsRead"},
		{marker: "states-are-read-behind-the-probe", change: operandWith("GetPhaseMs", "true"), test: "TestTakeoverWaitsForTheAggregator"},
		{marker: "copy-ahead-that-the-status-names-is-the-task", change: makeFalse(), test: "TestTakeoverLeavesTheTaskToTheCopyThatTheStatusNames"},
		{marker: "copy-that-the-status-names-is-the-task", change: operandWith("named", "(named || true)"), test: "TestCopyThatTheStatusNamesIsTheTask"},
		{marker: "copy-of-a-record-waits-for-its-status", change: condition("t.Claimed != nil"), test: "TestRecordCopiedForTwoDefaultNumbersReachesNobodyTwice"},
		{marker: "copy-of-a-refused-record-fails", change: operandWith("GetHome", "false"), test: "TestRecordThatWasRefusedFailsThoughItWouldBeAcceptedWhenReadAgain", in: "processor/fanout"},
		{marker: "task-of-a-refused-record-is-not-dispatched", change: operandWith("isHome", "false"), test: "TestRecordThatWasRefusedFailsThoughItWouldBeAcceptedWhenReadAgain", in: "processor/fanout"},
		{marker: "copy-on-another-partition-is-not-the-task", change: makeFalse(), test: "TestRecordCopiedForTwoDefaultNumbersReachesNobodyTwice", in: "processor/fanout"},
		{marker: "overtaken-quantum-is-not-repeated", change: drop(), test: "TestQuantumThatAReplacedOwnerFinishedIsNotRepeated"},
	}
}

// TestMutants takes one safeguard after the other out of the code and runs the test that is named for it: a test that
// stays green does not test what it says. Each package is built once with all the mutants in it, from changed files that
// lie beside the tree (go test -overlay); a variable of the environment says which is on. Nothing in the programs knows
// of this.
func TestMutants(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds each package once more")
	}
	all, files := mutants(), markedFiles(t)
	packages, errs := pairUp(files, all)
	if len(errs) > 0 {
		t.Fatalf("got %v, want none", errs)
	}
	dir := t.TempDir()
	over := overlay(t, dir, files, all)
	names, tests := testPackages(packages, all)
	binaries := testBinaries(dir, names)
	buildMutants(t, over, binaries)
	t.Run("as it is", func(t *testing.T) {
		for _, pkg := range names {
			t.Run(pkg, func(t *testing.T) {
				t.Parallel()
				unmutated(t, binaries[pkg], pkg, tests[pkg])
			})
		}
	})
	if t.Failed() {
		return
	}
	for _, m := range all {
		t.Run(m.marker, func(t *testing.T) {
			t.Parallel()
			pkg := m.pkg(packages)
			m.check(t, binaries[pkg], pkg)
		})
	}
}

// testBinaries returns where the tests of each package are built. The go command names them after the last part of the package's
// path, so two packages that share it have different folders.
func testBinaries(dir string, packages []string) map[string]string {
	out, before := make(map[string]string), make(map[string]int)
	for _, pkg := range packages {
		name := path.Base(pkg)
		out[pkg] = filepath.Join(dir, fmt.Sprint("tests", before[name]), name+".test")
		before[name]++
	}
	return out
}

// buildMutants builds all of a folder with one command, which uses all cores.
func buildMutants(t *testing.T, over string, binaries map[string]string) {
	t.Helper()
	folders := make(map[string][]string)
	for pkg, to := range binaries {
		folders[filepath.Dir(to)] = append(folders[filepath.Dir(to)], "./"+pkg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), mutantBuild)
	defer cancel()
	for to, packages := range folders {
		cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", over, "-o", to + "/"}, packages...)...)
		cmd.Dir = repo.Root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("a mutant does not build: %v\n%s", err, out)
		}
	}
}

// unmutated runs all the tests of a package with nothing changed.
func unmutated(t *testing.T, binary, pkg string, tests []string) {
	t.Helper()
	out, err := runMutant(t, binary, pkg, strings.Join(tests, "|"), "")
	if err != nil {
		t.Fatalf("red without any mutant: %v\n%s", err, out)
	}
	for _, name := range tests {
		if !strings.Contains(out, "--- PASS: "+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}

// check expects the mutant's test to be red, and not because it never ends.
func (m mutant) check(t *testing.T, binary, pkg string) {
	out, err := runMutant(t, binary, pkg, m.test, m.marker)
	switch {
	case err == nil:
		t.Errorf("%s is green: it does not notice", m.test)
	case !strings.Contains(out, "--- FAIL: "+m.test+" "):
		t.Errorf("%s did not fail, something else did: %v\n%s", m.test, err, out)
	case regexp.MustCompile(`(?m)^panic: `).MatchString(out) && !strings.Contains(out, leftBubble):
		t.Errorf("%s did not get to its end:\n%s", m.test, out)
	default:
		t.Logf("%s: %s", m.test, complaint(out))
	}
}

// leftBubble is how a test ends that has failed for good in fake time: what it had started is still there.
const leftBubble = "main bubble goroutine has exited but blocked goroutines remain"

// complaint is the first thing that a red test says.
func complaint(out string) string {
	if at := regexp.MustCompile(`(?m)^\s+\w+_test\.go:\d+: .*$`).FindString(out); at != "" {
		return strings.TrimSpace(at)
	}
	return "red"
}

func runMutant(t *testing.T, binary, pkg, tests, on string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*mutantTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout", mutantTime.String(), "-test.run", "^("+tests+")$")
	cmd.Dir = filepath.Join(repo.Root, filepath.FromSlash(pkg))
	cmd.Env = append(os.Environ(), mutantVar+"="+on)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s of %s with %q: %w", tests, pkg, on, err)
	}
	return string(out), err
}
