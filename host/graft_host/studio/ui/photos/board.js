// Hands the place on the page over to the modules that draw it.
export default {
  template: '<div class="photos-board"></div>',
  props: {texts: Object, language: String, changes: Number},
  async mounted() {
    const {Desk} = await import('/static/photos/desk.js');
    this.desk = new Desk(this.$el, this.texts, this.language);
  },
  watch: {
    changes() {
      this.desk?.look();
    },
  },
};
