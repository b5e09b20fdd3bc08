// Package optouts shows who opted out of what a business sends, and changes it for whoever has a key: one page, the whole list, some people in,
// one person out. It remembers nothing itself: what is known is the view's, and what is changed is a record of the topic optouts.
package optouts
